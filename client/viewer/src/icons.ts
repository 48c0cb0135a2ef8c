// SPDX-License-Identifier: AGPL-3.0-or-later
// Strokes of a 20 x 20 grid.

const PATHS = {
  menu: "M3 5.5h14M3 10h14M3 14.5h14",
  left: "M12 4.5 6.5 10l5.5 5.5",
  right: "M8 4.5 13.5 10 8 15.5",
  up: "M4.5 12 10 6.5l5.5 5.5",
  down: "M4.5 8 10 13.5 15.5 8",
  select: "M5 3.5 15.5 10l-4.6 1.1L8.6 15.7z",
  draw: "M4 4h12v12H4zM10 7v6M7 10h6",
  undo: "M7.5 4.5 4 8l3.5 3.5M4.5 8H12a4 4 0 0 1 0 8H8",
  redo: "M12.5 4.5 16 8l-3.5 3.5M15.5 8H8a4 4 0 0 0 0 8h4",
  theme: "M10 3.5a6.5 6.5 0 1 0 0 13zM10 3.5a6.5 6.5 0 0 1 0 13",
  help: "M7.4 7.6a2.7 2.7 0 1 1 4 2.4c-.9.5-1.4 1-1.4 2M10 14.7v.1",
  plus: "M10 4.5v11M4.5 10h11",
  minus: "M4.5 10h11",
  close: "M5 5l10 10M15 5 5 15",
  share: "M10 12.5v-9M6.5 6.5 10 3l3.5 3.5M4 11.5v4.5h12v-4.5",
  check: "M4 10.5l4 4 8-9",
  trash: "M4 6h12M8 6V4h4v2M5.5 6l.7 10h7.6l.7-10",
} as const;

export type IconName = keyof typeof PATHS;

export function icon(name: IconName): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
