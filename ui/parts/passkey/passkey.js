// Asks the browser for a passkey (WebAuthn) and posts its answer. Without keys in the browser the form stays hidden.
document.querySelectorAll("form[data-passkey]").forEach((form) => {
  if (!window.PublicKeyCredential || !navigator.credentials) return;
  const bytes = (s) => Uint8Array.from(atob(s.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (b) => btoa(Array.from(new Uint8Array(b), (n) => String.fromCharCode(n)).join(""))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const known = (list) => (list || []).map((k) => ({ ...k, id: bytes(k.id) }));
  const failed = form.querySelector("[data-passkey-failed]");
  const none = document.querySelector("[data-passkey-none]");

  const ask = async () => {
    const q = JSON.parse(form.dataset.passkey).publicKey;
    q.challenge = bytes(q.challenge);
    let key;
    const response = {};
    if (q.user) {
      q.user.id = bytes(q.user.id);
      q.excludeCredentials = known(q.excludeCredentials);
      key = await navigator.credentials.create({ publicKey: q });
      response.attestationObject = text(key.response.attestationObject);
      response.transports = key.response.getTransports ? key.response.getTransports() : [];
    } else {
      q.allowCredentials = known(q.allowCredentials);
      key = await navigator.credentials.get({ publicKey: q });
      response.authenticatorData = text(key.response.authenticatorData);
      response.signature = text(key.response.signature);
    }
    response.clientDataJSON = text(key.response.clientDataJSON);
    return JSON.stringify({ id: key.id, rawId: text(key.rawId), type: key.type, response, clientExtensionResults: {} });
  };

  form.hidden = false;
  if (none) none.hidden = true;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    failed.hidden = true;
    ask().then((answer) => {
      form.elements.answer.value = answer;
      form.submit();
    }).catch(() => { failed.hidden = false; });
  });
});
