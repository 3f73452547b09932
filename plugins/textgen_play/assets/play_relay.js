"use strict";
/* How the page asks: over the network, or through what embeds it, such as a cell of a notebook. */
const [reach, keepAddress] = (() => {
  if (!data.is_relayed) return [(...asked) => fetch(...asked), (address) => history.replaceState(null, "", address)];
  const me = crypto.getRandomValues(new Uint32Array(2)).join("-");
  const open = new Map(); /* what takes the parts of each answer */
  let number = 0;
  addEventListener("message", ({ source, data: said }) => { if (source === parent) open.get(said.request)?.(said); });
  document.getElementById("link").hidden = true; /* the page has no address */

  /* As `fetch`. */
  function reach(path, { body, signal }) {
    const request = `${me}-${number += 1}`;
    return new Promise((resolve, reject) => {
      let parts = null;
      const bytes = new ReadableStream({ start: (controller) => { parts = controller; } });
      const leave = () => {
        if (!open.delete(request)) return;
        parent.postMessage({ request }, "*");
        parts.error(signal.reason);
        reject(signal.reason);
      };
      open.set(request, (said) => {
        if (said.status) resolve(new Response(bytes, { status: said.status }));
        if (said.bytes?.byteLength) parts.enqueue(new Uint8Array(said.bytes.buffer, said.bytes.byteOffset, said.bytes.byteLength));
        if (!said.is_over) return;
        open.delete(request);
        parts.close();
        reject(new Error("no answer; try again")); /* if there was none */
      });
      parent.postMessage({ request, path, body }, "*");
      signal?.addEventListener("abort", leave);
      if (signal?.aborted) leave();
    });
  }
  return [reach, () => {}];
})();
