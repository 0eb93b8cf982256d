// Starts the client. The address of the module carries a hash, so the page names it.
import init from "./client.js";

// The client has much to do when it starts, and nothing else happens in the page meanwhile. So the answer to what
// ahead.js has asked for is taken first, if it comes this soon: from then on the browser's other threads do the rest.
const SOON_MS = 150;
// When a page is left before it has started, its download is cut. So much later it is gone, and has nothing to say.
const LEAVING_MS = 100;

const start = async () => {
  const module = document.querySelector('link[rel="preload"][as="fetch"]');
  const answered = globalThis.weirAhead?.begun.catch(() => {});
  const [module_or_path] = await Promise.all([
    WebAssembly.compileStreaming(fetch(module.href, { credentials: "same-origin" })),
    Promise.race([answered, new Promise((soon) => setTimeout(soon, SOON_MS))]),
  ]);
  await init({ module_or_path });
};

start().catch(async (error) => {
  await new Promise((later) => setTimeout(later, LEAVING_MS));
  // Dioxus renders by throwing nothing; what arrives here is a browser without WebAssembly or a cut download.
  console.error(error);
  const note = document.getElementById("splash-note");
  if (note) note.textContent = "Weir could not start in this browser. Please reload, or try a newer browser.";
});
