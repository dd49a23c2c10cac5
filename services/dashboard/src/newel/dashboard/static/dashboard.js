// The overview without a reload, while its tab is looked at. Every page works without this file.
"use strict";
(() => {
  const live = () => document.getElementById("live");
  if (!live()) return;
  const tell = () => {
    for (const each of document.querySelectorAll("time.since")) {
      const seconds = Math.max(0, Math.round((Date.now() - Date.parse(each.dateTime)) / 1000));
      each.textContent = seconds < 3 ? "just now" : `${seconds} s ago`;
    }
  };
  const refresh = async () => {
    if (document.hidden || live().contains(document.activeElement)) return;
    const answer = await fetch(location.href, { credentials: "same-origin", redirect: "manual" });
    if (answer.type === "opaqueredirect") return location.reload();
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    if (fresh) live().replaceWith(fresh);
    tell();
  };
  tell();
  setInterval(tell, 1000);
  setInterval(() => refresh().catch(() => {}), 20000);
})();
