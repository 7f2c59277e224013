import * as L from "leaflet";

type Lamp = { lat: number; lon: number; state: "lit" | "dim" | "dark" };
const colour = { lit: "#e8b500", dim: "#b06f00", dark: "#333333" };

export async function draw(element: string): Promise<void> {
  const map = L.map(element).setView([54.32, 10.13], 13);
  const lamps: Lamp[] = await (await fetch("/lamps")).json();
  for (const lamp of lamps) {
    L.circleMarker([lamp.lat, lamp.lon], { color: colour[lamp.state], radius: 4 }).addTo(map);
  }
}
