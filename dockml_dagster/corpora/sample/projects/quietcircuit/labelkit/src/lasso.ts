import { polygonContains } from "d3";

export type Point = [number, number];

/** The indices of the points inside a hand-drawn outline. */
export function inside(points: Point[], outline: Point[]): number[] {
  return points.flatMap((point, index) => (polygonContains(outline, point) ? [index] : []));
}
