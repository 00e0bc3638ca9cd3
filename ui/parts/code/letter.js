// The QR code of a letter or an envelope leads to the page that takes its code, with the code after "#", which browsers send to
// nobody. It goes into the field, and out of the address. Who must sign in first would lose it on the way,
// so until the field is there it waits in this tab.
{
  const field = document.getElementById("letter-code") ?? document.getElementById("activation-code");
  const brought = location.hash.slice(1);
  let code = "";
  if (/^[0-9A-Z]{11}$/.test(brought)) {
    code = brought;
    history.replaceState(null, "", location.pathname + location.search);
  }
  try {
    if (field) {
      code ||= sessionStorage.getItem("letter-code") || "";
      sessionStorage.removeItem("letter-code");
    } else if (code) {
      sessionStorage.setItem("letter-code", code);
    }
  } catch { /* a browser that keeps nothing: the code is typed */ }
  if (field && code && !field.value) {
    field.value = code;
    field.focus();
  }
}
