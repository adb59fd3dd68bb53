// A bar chart of amounts, drawn in SVG. Each bar can be reached and says what it stands for.

import { h, svg } from "./dom.js";

const LEFT = 56;
const TOP = 12;
const BOTTOM = 28;

/**
 * Bars of `data`: [{label, value, text}], `text` being what a bar says. `format(value)` writes a
 * number at the axis. `step`: the least that those may be apart. `width`: 720 for a page, 360 for a
 * phone. `tone`: "bad" for what goes away.
 */
export function bars(title, description, data, format, more = {}) {
  const { step = 1, width = 720, height = 260, tone = null } = more;
  const top = scale(Math.max(...data.map(({ value }) => value), 0), step);
  const y = (value) => TOP + (height - TOP - BOTTOM) * (1 - value / top.max);
  const slot = (width - LEFT) / data.length;
  const line = (value) => [
    svg("line", { class: "chart-line", x1: LEFT, x2: width, y1: y(value), y2: y(value) }),
    svg(
      "text",
      { class: "chart-text", x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" },
      format(value),
    ),
  ];
  const bar = ({ label, value, text }, index) => {
    const x = LEFT + slot * index;
    return svg(
      "g",
      { class: "chart-bar", tabindex: "0", role: "listitem", "aria-label": text },
      svg("title", null, text),
      svg("rect", { class: "chart-hit", x, y: TOP, width: slot, height: height - TOP - BOTTOM }),
      svg("rect", {
        class: tone ? `chart-fill chart-${tone}` : "chart-fill",
        x: x + slot * 0.18,
        y: y(Math.max(value, 0)),
        width: slot * 0.64,
        height: Math.max(height - BOTTOM - y(Math.max(value, 0)), value > 0 ? 2 : 0),
        rx: 5,
      }),
      svg(
        "text",
        { class: "chart-text", x: x + slot / 2, y: height - 8, "text-anchor": "middle" },
        label,
      ),
    );
  };
  const chart = svg(
    "svg",
    { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "list", "aria-label": title },
    svg("g", { "aria-hidden": "true" }, ticks(top).map(line)),
    data.map(bar),
  );
  return h(
    "figure",
    { class: "chart-frame" },
    chart,
    h("figcaption", { class: "soft small" }, description),
  );
}

/** The end of the axis and the way between its numbers: 1, 2 or 5 times a power of ten. */
function scale(most, least) {
  const rough = Math.max(most / 4, least);
  const power = 10 ** Math.floor(Math.log10(rough));
  const each = [1, 2, 5, 10].map((by) => by * power).find((one) => one >= rough);
  return { each, max: Math.max(Math.ceil(most / each), 1) * each };
}

const ticks = ({ each, max }) =>
  Array.from({ length: Math.round(max / each) + 1 }, (_, n) => n * each);
