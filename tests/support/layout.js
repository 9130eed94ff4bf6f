// What a reader would see of the page that is shown: asked once for each page and width, judged by the tests.
const box = node => node.getBoundingClientRect();
const seen = node => { const one = box(node); return one.width > 1 && one.height > 1; };
const all = (selector, of = document) => [...of.querySelectorAll(selector)];
const words = node => node.textContent.trim().replace(/\s+/g, " ");

const drawing = svg => {
  const frame = box(svg);
  const texts = all("text", svg).map(node => {
    const title = node.querySelector("title");
    const {left, right, top, bottom} = box(node);
    const lean = (bottom - top) * 0.22;  // a line of text is less tall than its box
    return {said: words(node).slice(title ? words(title).length : 0).trim(), left: left + 1, right: right - 1,
            top: top + lean, bottom: bottom - lean};
  });
  const outside = texts.filter(t => t.left < frame.left - 1 || t.right > frame.right + 1 ||
    t.top < frame.top - 1 || t.bottom > frame.bottom + 1).map(t => t.said);
  const over = [];
  texts.forEach((one, at) => texts.slice(at + 1).forEach(other => {
    if (one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom)
      over.push(`${one.said} | ${other.said}`);
  }));
  return {size: svg.classList.contains("wide") ? "wide" : "narrow", outside, over, shapes: texts.length,
          told: all("title", svg)[0].textContent !== "" && all("desc", svg)[0].textContent !== ""};
};

const parts = colour => { const found = colour.match(/[\d.]+/g).map(Number);
  return colour.startsWith("color(srgb") ? [...found.slice(0, 3).map(v => v * 255), found[3]] : found; };
const light = colour => { const [r, g, b] = parts(colour).map(v => v / 255)
  .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const behind = node => { for (; node; node = node.parentElement) { const colour = getComputedStyle(node).backgroundColor;
  const alpha = parts(colour)[3]; if (alpha === undefined || alpha > 0.99) return colour; } return "rgb(255,255,255)"; };
const pale = () => {
  const found = [];
  for (const node of all("body *")) {
    const direct = [...node.childNodes].some(one => one.nodeType === 3 && one.data.trim());
    if (!direct || ["TITLE", "DESC", "STYLE"].includes(node.tagName.toUpperCase()) || !seen(node)) continue;
    const style = getComputedStyle(node), drawn = node.namespaceURI.endsWith("svg");
    // A letter on a tile stands on the tile's fill, unless that is a pattern: then it has a rim.
    const tile = drawn && node.parentElement.tagName === "g" ? node.parentElement.querySelector("rect") : null;
    const fill = tile ? getComputedStyle(tile).fill : "";
    const rim = drawn && style.stroke !== "none" ? style.stroke : "";
    const back = fill && !fill.startsWith("url") ? fill : rim || behind(node);
    const [one, other] = [light(drawn ? style.fill : style.color), light(back)].sort((a, b) => b - a);
    const px = parseFloat(style.fontSize), large = px >= 24 || (px >= 18.66 && style.fontWeight >= 700);
    if ((one + 0.05) / (other + 0.05) < (large ? 3 : 4.5)) found.push(`${words(node).slice(0, 60)} ${back}`);
  }
  return found;
};

const look = () => ({
  across: document.documentElement.scrollWidth,
  scripts: document.scripts.length,
  fetched: performance.getEntriesByType("resource").length,
  headings: all("h1,h2,h3,h4,h5,h6").map(node => [+node.tagName[1], words(node)]),
  ids: all("[id]").map(node => node.id),
  links: all('a[href^="#"]').map(node => decodeURIComponent(node.hash.slice(1))),
  cited: [...all("a.cite, .drawing text").map(node => [...words(node).matchAll(/\[(\d+)\]/g)].map(m => m[1])).flat()],
  figures: all("figure").map(node => ({
    id: node.id,
    drawings: all("svg.drawing", node).filter(seen).map(drawing),
    rows: node.querySelectorAll("table tbody tr").length,
    csv: all('a.csv[download][href^="data:text/csv"]', node).length,
    caption: words(node.querySelector("figcaption")),
  })),
  tables: all("table").filter(seen).map(node => ({right: box(node).right, caption: node.caption ? words(node.caption) : ""})),
  closed: all("figure table").filter(node => !seen(node)).length,
  reached: all("a[href], summary").filter(node => node.tabIndex < 0).length,
  empty: all("td:not(.e)").filter(node => seen(node) && words(node) === "" && innerWidth < 720).length,
});
