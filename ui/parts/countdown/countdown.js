// Counts down a code's time, and wakes the button for a new one.
const countdown = document.querySelector("[data-countdown]");
if (countdown) {
  const end = Date.now() + 1000 * Number(countdown.dataset.countdown);
  const timer = countdown.querySelector("[role=timer]");
  const again = document.querySelector("[data-again]");
  timer.parentElement.hidden = false;
  const tick = () => {
    const left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
    timer.textContent = Math.floor(left / 60) + ":" + String(left % 60).padStart(2, "0");
    countdown.querySelector("progress").value = left;
    if (left === 0) {
      if (again) { again.disabled = false; again.textContent = again.dataset.again; }
      return;
    }
    setTimeout(tick, 250);
  };
  tick();
}
