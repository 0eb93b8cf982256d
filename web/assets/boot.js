// Starts the client. The address of the module carries a hash, so the page names it.
import init from "./client.js";

const module = document.querySelector('link[rel="preload"][as="fetch"]');

init({ module_or_path: fetch(module.href, { credentials: "same-origin" }) }).catch((error) => {
  // Dioxus renders by throwing nothing; what arrives here is a browser without WebAssembly or a cut download.
  console.error(error);
  const note = document.getElementById("splash-note");
  if (note) note.textContent = "Weir could not start in this browser. Please reload, or try a newer browser.";
});
