// A page that comes back with faults is read from its summary on.
const faults = document.querySelector(".Faults");
if (faults) faults.focus();
