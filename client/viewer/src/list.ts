// SPDX-License-Identifier: AGPL-3.0-or-later
// The rooms of a page as a list: the same as on the plan, for the keyboard and for screen readers.

import { icon } from "./icons";
import type { Room } from "./rooms";
import { areaOf } from "./stage";

export interface ListEvents {
  select(number: number): void;
  hover(number: number | null): void;
  toggle(number: number): void;
  remove(number: number): void;
}

interface Row {
  item: HTMLLIElement;
  name: HTMLButtonElement;
  title: HTMLSpanElement;
  note: HTMLSpanElement;
  meter: HTMLSpanElement;
  bar: HTMLSpanElement;
  area: HTMLSpanElement;
  accept: HTMLButtonElement;
  remove: HTMLButtonElement;
}

export class RoomList {
  private readonly rows = new Map<number, Row>();
  private selected: number | null = null;

  constructor(
    private readonly list: HTMLOListElement,
    private readonly events: ListEvents,
  ) {}

  update(rooms: readonly Room[], selected: number | null, hovered: number | null): void {
    const numbers = new Set(rooms.map((room) => room.number));
    for (const [number, row] of this.rows)
      if (!numbers.has(number)) {
        row.item.remove();
        this.rows.delete(number);
      }
    rooms.forEach((room, index) => {
      const row = this.rows.get(room.number) ?? this.make(room.number);
      this.fill(row, room, room.number === selected, room.number === hovered);
      if (this.list.children[index] !== row.item) this.list.insertBefore(row.item, this.list.children[index] ?? null);
    });
    if (selected !== this.selected && selected !== null) this.rows.get(selected)?.item.scrollIntoView({ block: "nearest" });
    this.selected = selected;
  }

  private fill(row: Row, room: Room, isSelected: boolean, isHovered: boolean): void {
    const state = room.accepted ? "accepted" : "draft";
    const className = [state, isSelected && "selected", isHovered && "hovered"].filter(Boolean).join(" ");
    if (row.item.className !== className) row.item.className = className;
    set(row.title, room.name ?? `Room ${room.number}`);
    set(row.note, room.confidence === null ? "drawn" : room.confidence.toFixed(2));
    // What is known of a room takes the place of the bar.
    set(row.area, areaOf(room));
    row.meter.hidden = Boolean(room.area);
    row.name.title = sourceOf(room);
    row.bar.style.width = `${Math.round((room.confidence ?? 1) * 100)}%`;
    row.name.setAttribute("aria-current", String(isSelected));
    const label = room.accepted ? `Make room ${room.number} a draft again` : `Accept room ${room.number}`;
    if (row.accept.title !== label) {
      row.accept.title = label;
      row.accept.setAttribute("aria-label", label);
    }
    row.accept.setAttribute("aria-pressed", String(room.accepted));
  }

  private make(number: number): Row {
    const item = document.createElement("li");
    const name = document.createElement("button");
    name.className = "name";
    const key = Object.assign(document.createElement("span"), { className: "key" });
    const title = Object.assign(document.createElement("span"), { className: "room-name" });
    const meter = Object.assign(document.createElement("span"), { className: "meter" });
    const bar = document.createElement("span");
    meter.append(bar);
    const note = Object.assign(document.createElement("span"), { className: "note" });
    const area = Object.assign(document.createElement("span"), { className: "area" });
    name.append(key, title, meter, area, note);
    name.addEventListener("click", () => this.events.select(number));
    const accept = iconButton("check", "");
    accept.classList.add("accept");
    accept.addEventListener("click", () => this.events.toggle(number));
    const remove = iconButton("trash", `Delete room ${number}`);
    remove.addEventListener("click", () => this.events.remove(number));
    item.append(name, accept, remove);
    item.addEventListener("pointerenter", () => this.events.hover(number));
    item.addEventListener("pointerleave", () => this.events.hover(null));
    const row = { item, name, title, note, meter, bar, area, accept, remove };
    this.rows.set(number, row);
    return row;
  }
}

/** The whole name, and where an area comes from: it is no better than the scale it was measured at. */
function sourceOf(room: Room): string {
  const { area } = room;
  const printed = area?.printed_m2 === undefined ? "" : `; ${area.printed_m2} m² on the plan`;
  const size = area ? `${area.m2} m² at ${area.scale} (${area.scale_source.replaceAll("_", " ")})${printed}` : "";
  return [room.name ?? "", size].filter(Boolean).join(", ");
}

function iconButton(name: "check" | "trash", label: string): HTMLButtonElement {
  const button = document.createElement("button");
  button.className = "icon";
  button.append(icon(name));
  if (label) {
    button.title = label;
    button.setAttribute("aria-label", label);
  }
  return button;
}

function set(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
