"use strict";
/* Learning curves with a choice of the axis, zoom by dragging, and values under the pointer. */
(() => {
  const place = document.getElementById("curves-plot");
  if (!place) return;
  const axis = document.getElementById("curves-axis");
  const logarithmic = document.getElementById("curves-log");
  const units = { seconds: "seconds of training", num_chars: "characters read", num_updates: "updates" };
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /* The score at each place of any curve: each point is [x, score]. */
  function join(curves) {
    const places = [...new Set(curves.flatMap((curve) => curve.map(([x]) => x)))].sort((a, b) => a - b);
    const columns = curves.map((curve) => {
      const known = new Map(curve);
      return places.map((x) => known.get(x) ?? null);
    });
    return [places, ...columns];
  }

  function draw() {
    const curves = data.curves.map((curve) =>
      curve.points.map((point) => [point[axis.value], point.bits]).filter(([x]) => !logarithmic.checked || x > 0));
    place.textContent = "";
    /* Without a pointer, the legend has the last value of each curve. */
    const showLast = (plot) => {
      const last = plot.data.map((column) => column.findLastIndex((value) => value !== null));
      if (plot.cursor.left === undefined || plot.cursor.left < 0) queueMicrotask(() => plot.setLegend({ idxs: last }));
    };
    const line = { stroke: color("--muted"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line") } };
    new uPlot({
      width: place.clientWidth,
      height: 360,
      hooks: { ready: [showLast], setCursor: [showLast] },
      scales: { x: { time: false, distr: logarithmic.checked ? 3 : 1 } },
      axes: [{ ...line, label: units[axis.value] }, { ...line, label: "validation bits/char", size: 60 }],
      series: [
        { label: units[axis.value] },
        ...data.curves.map((curve, index) => ({
          label: curve.name,
          stroke: color(`--c${curve.color % 8}`),
          dash: [[], [7, 4], [2, 3]][Math.floor(curve.color / 8) % 3],
          width: 2,
          spanGaps: true,
          points: { show: true, size: 6 },
          value: (_, value) => (value === null ? "" : value.toFixed(3)),
        })),
      ],
    }, join(curves), place);
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
