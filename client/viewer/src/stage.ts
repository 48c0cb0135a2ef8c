// SPDX-License-Identifier: AGPL-3.0-or-later
// The plan, to pan and zoom, with its rooms over it, to select and to edit.

import OpenSeadragon from "openseadragon";
import { tileAddress, type PlanDocument } from "./api";
import { area, moved, resized, spanned, type Box, type Room, type Sides } from "./rooms";

export interface Shown {
  rooms: readonly Room[];
  selected: number | null;
  hovered: number | null;
  drawing: boolean;
  labels: boolean;
}

export interface StageEvents {
  select(number: number | null): void;
  hover(number: number | null): void;
  reshape(number: number, box: Box): void;
  add(box: Box): void;
  zoomed(percent: number): void;
}

const SVG = "http://www.w3.org/2000/svg";
const HANDLE_PX = 9;
const GRAB_PX = { mouse: 8, pen: 10, touch: 20 };
const LEAST_SIDE_PX = 4;
const LABEL_PX = 12;
const USUAL_LETTER_PX = 14;
const HANDLES: Sides[] = [
  { x: -1, y: -1 }, { x: 0, y: -1 }, { x: 1, y: -1 }, { x: 1, y: 0 },
  { x: 1, y: 1 }, { x: 0, y: 1 }, { x: -1, y: 1 }, { x: -1, y: 0 },
];
const CURSORS: Record<string, string> = {
  "-1,-1": "nwse-resize", "1,1": "nwse-resize", "1,-1": "nesw-resize", "-1,1": "nesw-resize",
  "0,-1": "ns-resize", "0,1": "ns-resize", "-1,0": "ew-resize", "1,0": "ew-resize",
};

type Action =
  | { kind: "draw"; from: OpenSeadragon.Point }
  | { kind: "move"; from: OpenSeadragon.Point; room: Room }
  | { kind: "resize"; from: OpenSeadragon.Point; room: Room; sides: Sides };

/** Pixels of the stage: where the page's corner lies and how large it is. */
interface Frame {
  x: number;
  y: number;
  width: number;
  height: number;
}

interface Drawn {
  group: SVGGElement;
  rect: SVGRectElement;
  shape: SVGPolygonElement;
  label: SVGGElement;
  plate: SVGRectElement;
  text: SVGTextElement;
  labeled: string;
}

export class Stage {
  private readonly viewer: OpenSeadragon.Viewer;
  private readonly overlay = document.createElementNS(SVG, "svg");
  private readonly boxes = document.createElementNS(SVG, "g");
  private readonly handles = document.createElementNS(SVG, "g");
  private readonly drawn = new Map<number, Drawn>();
  private shown: Shown = { rooms: [], selected: null, hovered: null, drawing: false, labels: true };
  private action: Action | null = null;
  /** The box under the pointer while it is pulled; not a room's yet. */
  private working: Box | null = null;
  private size = { width: 1, height: 1 };
  private letterPx = USUAL_LETTER_PX;

  constructor(
    private readonly host: HTMLElement,
    private readonly events: StageEvents,
  ) {
    this.viewer = new OpenSeadragon.Viewer({
      element: host,
      drawer: "canvas",
      showNavigationControl: false,
      animationTime: 0.35,
      springStiffness: 9,
      zoomPerScroll: 1.22,
      minZoomImageRatio: 0.5,
      maxZoomPixelRatio: 3,
      visibilityRatio: 0.25,
      imageLoaderLimit: 6,
      preserveImageSizeOnResize: true,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: false },
      gestureSettingsTouch: { clickToZoom: false, dblClickToZoom: false },
      gestureSettingsPen: { clickToZoom: false, dblClickToZoom: false },
    });
    const canvas = this.viewer.canvas;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", "Plan with its rooms; the list of rooms has the same");
    this.overlay.classList.add("overlay");
    this.overlay.setAttribute("aria-hidden", "true");
    this.overlay.append(this.boxes, this.handles);
    this.viewer.container.append(this.overlay);
    for (const sides of HANDLES) {
      const handle = document.createElementNS(SVG, "rect");
      handle.setAttribute("rx", "2");
      handle.dataset["sides"] = `${sides.x},${sides.y}`;
      this.handles.append(handle);
    }
    this.listen();
  }

  /** Show a page; `page` counts from 1. */
  open(plan: PlanDocument, page: number): void {
    const { width, height, levels } = plan.pages[page - 1]!;
    this.size = { width, height };
    this.action = this.working = null;
    this.host.dataset["sharp"] = "false";
    const tileSource = {
      width,
      height,
      tileSize: plan.tile_px,
      minLevel: Math.min(plan.smallest_level, levels),
      maxLevel: levels,
      getTileUrl: (level: number, column: number, row: number) => tileAddress(plan.id, page, level, column, row),
    };
    this.viewer.open({ tileSource: tileSource as unknown as OpenSeadragon.TileSource });
  }

  close(): void {
    this.viewer.close();
    this.update({ ...this.shown, rooms: [], selected: null });
  }

  update(shown: Shown): void {
    this.shown = shown;
    this.draw();
  }

  setPlanVisible(visible: boolean): void {
    this.viewer.world.getItemAt(0)?.setOpacity(visible ? 1 : 0);
  }

  zoomBy(factor: number): void {
    this.viewer.viewport.zoomBy(factor).applyConstraints();
  }

  fit(): void {
    this.viewer.viewport.goHome();
  }

  get isOpen(): boolean {
    return this.viewer.world.getItemCount() > 0;
  }

  /** Bring a room into view: nearer if it is small, moved if it is outside, else left alone. */
  reveal(box: Box, closely: boolean): void {
    if (!this.isOpen) return;
    const viewport = this.viewer.viewport;
    const aspect = this.size.height / this.size.width;
    const rect = new OpenSeadragon.Rect(box[0], box[1] * aspect, box[2] - box[0], (box[3] - box[1]) * aspect);
    const view = viewport.getBounds();
    const share = Math.max(rect.width / view.width, rect.height / view.height);
    const inside =
      rect.x >= view.x && rect.y >= view.y &&
      rect.x + rect.width <= view.x + view.width && rect.y + rect.height <= view.y + view.height;
    if (closely || share > 1 || share < 0.08) {
      // The room takes a third of the view, so that one sees where it lies.
      const margin = 1;
      viewport.fitBounds(
        new OpenSeadragon.Rect(
          rect.x - rect.width * margin, rect.y - rect.height * margin,
          rect.width * (1 + 2 * margin), rect.height * (1 + 2 * margin),
        ),
      );
    } else if (!inside) {
      viewport.panTo(rect.getCenter());
    }
  }

  /** Fractions of the page that a pixel of the screen takes. */
  get pixel(): readonly [number, number] {
    const frame = this.frame();
    return [1 / frame.width, 1 / frame.height];
  }

  /** Where a box lies, in pixels of the stage. */
  place(box: Box): Frame {
    const frame = this.frame();
    return {
      x: frame.x + box[0] * frame.width,
      y: frame.y + box[1] * frame.height,
      width: (box[2] - box[0]) * frame.width,
      height: (box[3] - box[1]) * frame.height,
    };
  }

  cancel(): boolean {
    const was = this.action !== null;
    this.action = this.working = null;
    this.draw();
    return was;
  }

  private listen(): void {
    const viewer = this.viewer;
    viewer.addHandler("update-viewport", () => this.draw());
    viewer.addHandler("open", () => {
      const page = viewer.world.getItemAt(0);
      const tellSharp = () => (this.host.dataset["sharp"] = String(page.getFullyLoaded()));
      page.addHandler("fully-loaded-change", tellSharp);
      tellSharp();
      this.draw();
    });
    viewer.addHandler("canvas-key", (event) => {
      event.preventDefaultAction = true;
    });
    viewer.addHandler("canvas-press", (event) => this.press(event.position, pointerType(event.originalEvent)));
    viewer.addHandler("canvas-drag", (event) => {
      if (!this.action) return;
      event.preventDefaultAction = true;
      this.pull(event.position);
    });
    viewer.addHandler("canvas-drag-end", (event) => {
      if (this.action) (event as { preventDefaultAction?: boolean }).preventDefaultAction = true;
      this.release();
    });
    viewer.addHandler("canvas-release", () => this.release());
    viewer.addHandler("canvas-pinch", () => {
      this.action = this.working = null;
    });
    viewer.addHandler("canvas-click", (event) => {
      if (!event.quick || this.shown.drawing) return;
      this.events.select(this.roomAt(event.position)?.number ?? null);
    });
    viewer.addHandler("canvas-double-click", (event) => {
      const room = this.roomAt(event.position);
      if (room) this.reveal(room.box, true);
    });
    this.host.addEventListener("pointermove", (event) => {
      if (event.buttons) return;
      const bounds = this.host.getBoundingClientRect();
      this.pointAt(new OpenSeadragon.Point(event.clientX - bounds.left, event.clientY - bounds.top));
    });
    this.host.addEventListener("pointerleave", () => this.events.hover(null));
  }

  private pointAt(at: OpenSeadragon.Point): void {
    const sides = this.handleAt(at, "mouse");
    const room = this.roomAt(at);
    let cursor = "grab";
    if (sides) cursor = CURSORS[`${sides.x},${sides.y}`]!;
    else if (this.shown.drawing) cursor = "crosshair";
    else if (room) cursor = room.number === this.shown.selected ? "move" : "pointer";
    this.host.style.setProperty("--cursor", cursor);
    this.events.hover(room?.number ?? null);
  }

  private press(at: OpenSeadragon.Point, type: keyof typeof GRAB_PX): void {
    this.working = null;
    const selected = this.selectedRoom;
    const sides = this.handleAt(at, type);
    if (selected && sides) this.action = { kind: "resize", from: at, room: selected, sides };
    else if (this.shown.drawing) this.action = { kind: "draw", from: at };
    else if (selected && contains(this.place(selected.box), at)) this.action = { kind: "move", from: at, room: selected };
    else this.action = null;
  }

  private pull(to: OpenSeadragon.Point): void {
    const action = this.action!;
    const frame = this.frame();
    const [dx, dy] = [(to.x - action.from.x) / frame.width, (to.y - action.from.y) / frame.height];
    if (action.kind === "move") this.working = moved(action.room.box, dx, dy);
    else if (action.kind === "resize") {
      const [x, y] = this.pixel;
      const least = [LEAST_SIDE_PX * x, LEAST_SIDE_PX * y] as const;
      this.working = resized(action.room.box, action.sides, dx, dy, least);
    } else {
      const fraction = (point: OpenSeadragon.Point) =>
        [(point.x - frame.x) / frame.width, (point.y - frame.y) / frame.height] as const;
      this.working = spanned(fraction(action.from), fraction(to));
    }
    this.draw();
  }

  private release(): void {
    const { action, working } = this;
    this.action = this.working = null;
    if (!action || !working) return;
    if (action.kind !== "draw") this.events.reshape(action.room.number, working);
    else {
      const { width, height } = this.place(working);
      if (width >= LEAST_SIDE_PX && height >= LEAST_SIDE_PX) this.events.add(working);
      else this.draw();
    }
  }

  private get selectedRoom(): Room | undefined {
    return this.shown.rooms.find((room) => room.number === this.shown.selected);
  }

  /** The smallest room at a point, so that one inside another can be reached. */
  private roomAt(at: OpenSeadragon.Point): Room | undefined {
    let best: Room | undefined;
    for (const room of this.shown.rooms)
      if (contains(this.place(room.box), at) && (!best || area(room.box) < area(best.box))) best = room;
    return best;
  }

  private handleAt(at: OpenSeadragon.Point, type: keyof typeof GRAB_PX): Sides | null {
    const room = this.selectedRoom;
    if (!room) return null;
    const place = this.place(room.box);
    const reach = GRAB_PX[type];
    const near = HANDLES.filter((sides) => {
      const point = handlePoint(place, sides);
      return Math.abs(point.x - at.x) <= reach && Math.abs(point.y - at.y) <= reach;
    });
    // Corners first: on a tiny room all are near.
    return near.find((sides) => sides.x && sides.y) ?? near[0] ?? null;
  }

  private frame(): Frame {
    const viewport = this.viewer.viewport;
    if (!viewport || !this.isOpen) return { x: 0, y: 0, width: 1, height: 1 };
    const corner = viewport.pixelFromPoint(new OpenSeadragon.Point(0, 0), true);
    const end = viewport.pixelFromPoint(new OpenSeadragon.Point(1, this.size.height / this.size.width), true);
    return { x: corner.x, y: corner.y, width: end.x - corner.x, height: end.y - corner.y };
  }

  private draw(): void {
    const frame = this.frame();
    const { clientWidth, clientHeight } = this.host;
    const rooms = this.isOpen ? this.shown.rooms : [];
    this.letterPx = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const numbers = new Set(rooms.map((room) => room.number));
    for (const [number, drawn] of this.drawn)
      if (!numbers.has(number)) {
        drawn.group.remove();
        this.drawn.delete(number);
      }
    for (const room of rooms) this.drawRoom(room, frame, clientWidth, clientHeight);
    this.drawNew();
    this.drawHandles();
    // 100 % is the whole page.
    if (this.isOpen) this.events.zoomed(100 * this.viewer.viewport.getZoom(true) / this.viewer.viewport.getHomeZoom());
  }

  private drawRoom(room: Room, frame: Frame, stageWidth: number, stageHeight: number): void {
    const drawn = this.drawn.get(room.number) ?? this.make(room.number);
    const isSelected = room.number === this.shown.selected;
    const isPulled = this.action && this.action.kind !== "draw" && this.action.room.number === room.number;
    const box = (isPulled && this.working) || room.box;
    const x = frame.x + box[0] * frame.width;
    const y = frame.y + box[1] * frame.height;
    const width = (box[2] - box[0]) * frame.width;
    const height = (box[3] - box[1]) * frame.height;
    const isHovered = room.number === this.shown.hovered;
    const names = ["room", room.accepted || isPulled ? "accepted" : "draft"];
    // While the box is pulled, the outline is no longer the room's.
    const ring = isPulled && this.working ? undefined : room.polygon;
    if (isSelected) names.push("selected");
    if (isHovered) names.push("hovered");
    const className = names.join(" ");
    if (drawn.group.getAttribute("class") !== className) drawn.group.setAttribute("class", className);
    const isOutside = x > stageWidth || y > stageHeight || x + width < 0 || y + height < 0;
    drawn.group.style.display = isOutside ? "none" : "";
    if (isOutside) return;
    drawn.group.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    drawn.rect.setAttribute("width", width.toFixed(1));
    drawn.rect.setAttribute("height", height.toFixed(1));
    drawn.shape.style.display = ring ? "" : "none";
    drawn.rect.classList.toggle("behind", Boolean(ring));
    if (ring) {
      const points = ring.map(([px, py]) => [frame.x + px * frame.width - x, frame.y + py * frame.height - y]);
      drawn.shape.setAttribute("points", points.map(([px, py]) => `${px!.toFixed(1)},${py!.toFixed(1)}`).join(" "));
    }
    this.drawLabel(drawn, room, width, height, isSelected || isHovered);
  }

  /** Name, area and confidence where there is room for them, else less, else nothing. */
  private drawLabel(drawn: Drawn, room: Room, width: number, height: number, isWanted: boolean): void {
    const px = LABEL_PX * this.scale;
    const measure = (text: string) => Math.ceil(px * widthOf(text)) + 8;
    // A label is not to hide the room that it names.
    const isLarge = height > px * 3.2 && width > px * 4.5;
    const fits = (text: string) => isLarge && width > measure(text) * 1.25;
    const label = [labelOf(room), knownOf(room), nameOf(room)].find(fits) ?? (isLarge ? shortened(nameOf(room), fits) : "");
    const isOutside = !label && isWanted;
    const text = isOutside ? labelOf(room) : label;
    drawn.label.style.display = text && (this.shown.labels || isWanted) ? "" : "none";
    if (!text) return;
    if (drawn.labeled !== text) {
      drawn.text.textContent = text;
      drawn.labeled = text;
    }
    drawn.plate.setAttribute("width", String(measure(text)));
    drawn.plate.setAttribute("height", String(px + 6));
    drawn.text.setAttribute("y", String(px + 1));
    drawn.label.setAttribute("transform", isOutside ? `translate(0 ${-(px + 8)})` : "");
  }

  /** How much larger than usual the page's letters are, as on a screen of 4k. */
  private get scale(): number {
    return this.letterPx / USUAL_LETTER_PX;
  }

  private make(number: number): Drawn {
    const group = document.createElementNS(SVG, "g");
    const rect = document.createElementNS(SVG, "rect");
    rect.classList.add("edge");
    const shape = document.createElementNS(SVG, "polygon");
    shape.classList.add("shape");
    const label = document.createElementNS(SVG, "g");
    const plate = document.createElementNS(SVG, "rect");
    plate.classList.add("plate");
    const text = document.createElementNS(SVG, "text");
    text.setAttribute("x", "4");
    label.append(plate, text);
    group.append(rect, shape, label);
    group.dataset["number"] = String(number);
    this.boxes.append(group);
    const drawn = { group, rect, shape, label, plate, text, labeled: "" };
    this.drawn.set(number, drawn);
    return drawn;
  }

  private drawNew(): void {
    let rect = this.overlay.querySelector<SVGRectElement>(".new");
    if (!(this.action?.kind === "draw" && this.working)) {
      rect?.remove();
      return;
    }
    if (!rect) {
      rect = document.createElementNS(SVG, "rect");
      rect.classList.add("new");
      this.overlay.append(rect);
    }
    for (const [name, value] of Object.entries(this.place(this.working))) rect.setAttribute(name, value.toFixed(1));
  }

  private drawHandles(): void {
    const room = this.isOpen ? this.selectedRoom : undefined;
    this.handles.style.display = room ? "" : "none";
    if (!room) return;
    const place = this.place((this.action?.kind !== "draw" && this.working) || room.box);
    this.handles.setAttribute("class", room.accepted || this.working ? "handles accepted" : "handles draft");
    // A tiny room shows its corners alone.
    const px = HANDLE_PX * this.scale;
    const isTiny = Math.min(place.width, place.height) < 3 * px;
    HANDLES.forEach((sides, index) => {
      const handle = this.handles.children[index] as SVGRectElement;
      const point = handlePoint(place, sides);
      handle.setAttribute("x", (point.x - px / 2).toFixed(1));
      handle.setAttribute("y", (point.y - px / 2).toFixed(1));
      handle.setAttribute("width", px.toFixed(1));
      handle.setAttribute("height", px.toFixed(1));
      handle.style.display = isTiny && !(sides.x && sides.y) ? "none" : "";
    });
  }
}

const pen = document.createElement("canvas").getContext("2d")!;
const widths = new Map<string, number>();
const MEASURED_PX = 100;

/** Of a label's text, in heights of its letters. */
function widthOf(text: string): number {
  let width = widths.get(text);
  if (width === undefined) {
    pen.font = `600 ${MEASURED_PX}px ${getComputedStyle(document.documentElement).fontFamily}`;
    width = pen.measureText(text).width / MEASURED_PX;
    widths.set(text, width);
  }
  return width;
}

const nameOf = (room: Room) => room.name ?? String(room.number);

const LARGE_M2 = 100;

export const areaOf = ({ area }: Room) => (area ? `${area.m2.toFixed(area.m2 < LARGE_M2 ? 1 : 0)} m²` : "");

const LEAST_LETTERS = 3;

function shortened(text: string, fits: (text: string) => boolean): string {
  for (let letters = text.length - 1; letters >= LEAST_LETTERS; letters -= 1) {
    const short = `${text.slice(0, letters)}…`;
    if (fits(short)) return short;
  }
  return "";
}

const knownOf = (room: Room) => [nameOf(room), areaOf(room)].filter(Boolean).join("  ");

export const labelOf = (room: Room) =>
  [knownOf(room), room.confidence === null ? "" : room.confidence.toFixed(2)].filter(Boolean).join("  ");

const contains = (place: Frame, at: OpenSeadragon.Point) =>
  at.x >= place.x && at.y >= place.y && at.x <= place.x + place.width && at.y <= place.y + place.height;

const handlePoint = (place: Frame, sides: Sides) => ({
  x: place.x + (place.width * (sides.x + 1)) / 2,
  y: place.y + (place.height * (sides.y + 1)) / 2,
});

function pointerType(event: Event): keyof typeof GRAB_PX {
  const type = (event as PointerEvent).pointerType;
  return type === "touch" || type === "pen" ? type : "mouse";
}
