// SPDX-License-Identifier: AGPL-3.0-or-later
// What leaves the page: JSON in the API's form, CSV, a picture.

import { pictureAddress } from "./api";
import { labelOf } from "./stage";
import type { Room } from "./rooms";

const GRID = 1000;
const DRAWING_PX = 4096;

/** Thousandths with one decimal, as outlines have them. */
const onGrid = (value: number) => Math.round(value * GRID * 10) / 10;

const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;

const gridBox = (room: Room) => room.box.map((value) => Math.round(value * GRID));

/** As the server would have answered it; rooms that a person drew have confidence 1. */
export function asJson(rooms: readonly Room[]): string {
  const detected_rooms = rooms.map((room, index) => ({
    id: `room_${String(index + 1).padStart(3, "0")}`,
    bounding_box: gridBox(room),
    confidence: room.confidence ?? 1,
    accepted: room.accepted,
    ...(room.name ? { name_hint: room.name } : {}),
    ...(room.polygon ? { polygon: room.polygon.map((point) => point.map(onGrid)) } : {}),
    ...(room.area ? { area: room.area } : {}),
  }));
  return JSON.stringify({ status: "success", detected_rooms }, null, 2);
}

export function asCsv(rooms: readonly Room[], name: string, page: number, size: { width: number; height: number }): string {
  const quoted = quote(name);
  const lines = rooms.map((room) => {
    const [x, y, right, bottom] = room.box;
    const px = [x * size.width, y * size.height, right * size.width, bottom * size.height].map((value) => Math.round(value));
    return [quoted, page, room.number, ...px, ...gridBox(room), room.confidence ?? "", room.accepted ? "accepted" : "draft", ...known(room)].join(",");
  });
  const head = "document,page,room,x_min_px,y_min_px,x_max_px,y_max_px,x_min,y_min,x_max,y_max,confidence,state,name,area_m2,scale,scale_source";
  return [head, ...lines, ""].join("\r\n");
}

const known = ({ name, area }: Room) => [
  name ? quote(name) : "", area?.m2 ?? "", area ? quote(area.scale) : "", area?.scale_source ?? "",
];

/** The page with its rooms, as it is on the screen, at 4096 px on its longer side. */
export async function asPicture(id: string, page: number, rooms: readonly Room[]): Promise<Blob> {
  const response = await fetch(pictureAddress(id, page, DRAWING_PX));
  if (!response.ok) throw new Error("the picture of this page could not be made");
  const plan = await createImageBitmap(await response.blob());
  const canvas = document.createElement("canvas");
  canvas.width = plan.width;
  canvas.height = plan.height;
  const pen = canvas.getContext("2d")!;
  pen.drawImage(plan, 0, 0);
  const unit = Math.max(plan.width, plan.height) / 1600;
  pen.lineWidth = Math.max(2, 2.5 * unit);
  pen.font = `600 ${Math.round(14 * unit)}px system-ui, sans-serif`;
  pen.textBaseline = "top";
  for (const room of rooms) drawRoom(pen, room, plan, unit);
  return await new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture is too large"))), "image/png"),
  );
}

function drawRoom(pen: CanvasRenderingContext2D, room: Room, plan: ImageBitmap, unit: number): void {
  const [x, y] = [room.box[0] * plan.width, room.box[1] * plan.height];
  const [width, height] = [room.box[2] * plan.width - x, room.box[3] * plan.height - y];
  const color = room.accepted ? "#0a7350" : "#1f5fc4";
  pen.setLineDash(room.accepted ? [] : [7 * unit, 5 * unit]);
  pen.strokeStyle = color;
  pen.fillStyle = `${color}1f`;
  pen.beginPath();
  if (room.polygon) for (const [px, py] of room.polygon) pen.lineTo(px * plan.width, py * plan.height);
  else pen.rect(x, y, width, height);
  pen.closePath();
  pen.fill();
  pen.stroke();
  const label = labelOf(room);
  pen.fillStyle = color;
  pen.fillRect(x, y, pen.measureText(label).width + 8 * unit, 19 * unit);
  pen.fillStyle = "#fff";
  pen.fillText(label, x + 4 * unit, y + 2.5 * unit);
}

export function download(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
