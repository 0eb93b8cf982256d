// Runs before the first paint, so that a chosen theme does not flash in from the other one.
(() => {
  try {
    const theme = localStorage.getItem("weir.theme");
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be forbidden; the system's theme it is.
  }
})();
