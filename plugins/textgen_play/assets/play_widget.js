/* The live page in a cell of a notebook: a frame without rights, whose requests the kernel answers. */
function render({ model, el }) {
  const frame = document.createElement("iframe"), open = new Set();
  const fromPage = ({ source, data }) => {
    if (source !== frame.contentWindow) return;
    open[data.path ? "add" : "delete"](data.request);
    model.send(data);
  };
  const toPage = (said, [bytes]) => {
    if (said.is_over) open.delete(said.request);
    frame.contentWindow?.postMessage({ ...said, bytes }, "*"); /* those of another cell are unknown to this page */
  };
  const leave = () => {
    try {
      for (const request of open) model.send({ request });
    } catch { /* the kernel is out of reach */ }
    open.clear();
  };
  frame.sandbox = "allow-scripts allow-forms";
  frame.title = "Write with the models";
  frame.style = "box-sizing: border-box; width: 100%; height: 48rem; border: 1px solid #8888; resize: vertical";
  frame.srcdoc = model.get("page");
  frame.addEventListener("load", leave); /* of what was there before */
  addEventListener("pagehide", leave);
  addEventListener("message", fromPage);
  model.on("msg:custom", toPage);
  el.append(frame);
  return () => {
    removeEventListener("pagehide", leave);
    removeEventListener("message", fromPage);
    model.off("msg:custom", toPage);
    leave();
  };
}
export default { render };
