// Ticks off the rules of a new password and shows how strong it is. The
// server judges; this only saves a round.
const rules = document.getElementById("rules");
const typed = rules && document.getElementById("password");
if (typed) {
  const met = {
    length: (p, el) => [...p].length >= Number(el.dataset.least),
    case: (p) => /[a-z]/.test(p) && /[A-Z]/.test(p),
    digit: (p) => /[0-9]/.test(p),
  };
  const meter = document.getElementById("meter");
  const look = () => {
    const p = typed.value;
    rules.querySelectorAll("[data-rule]").forEach((el) => {
      const ok = met[el.dataset.rule](p, el);
      el.classList.toggle("Mark--yes", ok);
      el.classList.toggle("Mark--todo", !ok);
      el.lastElementChild.hidden = !ok;
    });
    const kinds = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^a-zA-Z0-9]/].filter((k) => k.test(p)).length;
    const length = [...p].filter((c, i, all) => c !== all[i - 1]).length;
    const score = p ? Math.max(0, Math.min(4, Math.floor(length / 5) + (kinds > 2) + (kinds > 3) - (length < 8))) : 0;
    meter.hidden = !p;
    meter.querySelector("meter").value = score;
    meter.querySelector("span").textContent = meter.getAttribute("data-" + score);
  };
  typed.addEventListener("input", look);
  look();
}
