"use strict";
/* Learning curves with a choice of the axis, zoom by dragging, and values under the pointer. */
(() => {
  const POINT = ["seconds", "num_chars", "num_updates", "bits"];
  const place = document.getElementById("curves-plot");
  if (!place) return;
  const axis = document.getElementById("curves-axis");
  const logarithmic = document.getElementById("curves-log");
  const units = { seconds: "seconds of training", num_chars: "characters read", num_updates: "updates" };
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /* The score of a curve of [x, score] at a place: measured, or on the line between two measurements. */
  function at(curve, x) {
    const next = curve.findIndex((point) => point[0] >= x);
    if (next < 0 || (next === 0 && curve[0][0] > x)) return null;
    if (curve[next][0] === x) return curve[next][1];
    const [[x0, y0], [x1, y1]] = [curve[next - 1], curve[next]];
    const warp = logarithmic.checked ? Math.log : (value) => value;
    return y0 + ((y1 - y0) * (warp(x) - warp(x0))) / (warp(x1) - warp(x0));
  }

  /* The names of the curves at their ends, apart from each other. */
  function label(plot, curves, room) {
    const { ctx, bbox } = plot, gap = 15 * devicePixelRatio;
    const ends = curves.flatMap((curve, index) => {
      const y = curve.length ? plot.valToPos(curve.at(-1)[1], "y", true) : NaN;
      return y >= bbox.top && y <= bbox.top + bbox.height ? [{ y, ...data.curves[index] }] : [];
    }).sort((a, b) => a.y - b.y);
    ends.forEach((end, index) => { if (index) end.y = Math.max(end.y, ends[index - 1].y + gap); });
    ends.reverse().forEach((end, index) => {
      end.y = Math.min(end.y, index ? ends[index - 1].y - gap : bbox.top + bbox.height);
    });
    ctx.save();
    ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
    [ctx.textBaseline, ctx.textAlign] = ["middle", "left"];
    for (const { y, name, color: index } of ends) {
      ctx.fillStyle = color(`--c${index % 8}`);
      ctx.fillText(short(name), bbox.left + bbox.width + 8 * devicePixelRatio, y, room * devicePixelRatio);
    }
    ctx.restore();
  }
  const short = (name) => (name.length > 30 ? `${name.slice(0, 29)}…` : name);

  function draw() {
    const curves = data.curves.map((curve) =>
      curve.points.map((point) => [point[POINT.indexOf(axis.value)], point.at(-1)]).filter(([x]) => !logarithmic.checked || x > 0));
    place.textContent = "";
    const places = [...new Set(curves.flatMap((curve) => curve.map(([x]) => x)))].sort((a, b) => a - b);
    const longest = Math.max(...data.curves.map((curve) => short(curve.name).length));
    const room = place.clientWidth < 640 ? 0 : 7 * longest + 12; /* a phone has the legend only */
    /* Without a pointer, the legend has the last value of each curve. */
    const showLast = (plot) => {
      const last = plot.data.map((column) => column.findLastIndex((value) => value !== null));
      if (plot.cursor.left === undefined || plot.cursor.left < 0) queueMicrotask(() => plot.setLegend({ idxs: last }));
    };
    const line = { stroke: color("--muted"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line") } };
    new uPlot({
      width: place.clientWidth,
      height: 360,
      pxAlign: false,
      padding: [null, room || null, null, null],
      hooks: { ready: [showLast], setCursor: [showLast], draw: [(plot) => room && label(plot, curves, room)] },
      scales: { x: { time: false, distr: logarithmic.checked ? 3 : 1 } },
      axes: [{ ...line, label: units[axis.value] }, { ...line, label: "validation bits/char", size: 60 }],
      series: [
        { label: units[axis.value] },
        ...data.curves.map((curve, index) => ({
          label: curve.name,
          stroke: color(`--c${curve.color % 8}`),
          dash: [[], [7, 4], [2, 3]][Math.floor(curve.color / 8) % 3],
          width: 2,
          /* Only measurements are dots. */
          points: { show: true, size: 6, filter: () => curves[index].map(([x]) => places.indexOf(x)) },
          value: (_, value) => (value === null ? "" : value.toFixed(3)),
        })),
      ],
    }, [places, ...curves.map((curve) => places.map((x) => at(curve, x)))], place);
  }

  document.getElementById("curves-controls").hidden = false;
  document.getElementById("curves-static").hidden = true;
  axis.addEventListener("change", draw);
  logarithmic.addEventListener("change", draw);
  document.addEventListener("theme", draw);
  let width = 0;
  new ResizeObserver(() => {
    if (place.clientWidth !== width) {
      width = place.clientWidth;
      draw();
    }
  }).observe(place);
})();
