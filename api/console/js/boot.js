// Before the first paint, so that neither theme nor language jumps. The address wins over memory.
(() => {
  const asked = new URLSearchParams(location.search);
  const chosen = (name, known) => {
    let kept = null;
    try {
      kept = localStorage.getItem(name);
    } catch {
      kept = null; // storage may be forbidden; the page works without
    }
    const value = asked.get(name) ?? kept;
    return known.includes(value) ? value : null;
  };
  const root = document.documentElement;
  const theme = chosen("theme", ["light", "dark"]);
  if (theme) root.dataset.theme = theme;
  root.lang = chosen("lang", ["zh", "en"]) === "en" ? "en" : "zh-CN";
})();
