import { Client, type ClientApi, indexedDbStore } from "@pingme/sdk";

/** The client of this page. In development `?fake=1000` is one with so many conversations and no server. */
export async function makeClient(): Promise<ClientApi> {
  if (import.meta.env.DEV) {
    const query = new URLSearchParams(location.search);
    if (query.has("fake")) {
      const { fakeWorld } = await import("./fake-world");
      return fakeWorld(Number(query.get("fake")) || 24, Number(query.get("rate")) || 0);
    }
  }
  return new Client({ baseUrl: "", storage: indexedDbStore("pingme"), deviceName: deviceName() });
}

/** How this browser is called in the list of devices: "Firefox on Linux". */
export function deviceName(agent: string = navigator.userAgent): string {
  const browser = first(agent, [
    [/Edg\//, "Edge"],
    [/OPR\//, "Opera"],
    [/Firefox\/|FxiOS/, "Firefox"],
    [/Chrome\/|CriOS/, "Chrome"],
    [/Safari\//, "Safari"],
  ]);
  const system = first(agent, [
    [/Android/, "Android"],
    [/iPhone|iPad/, "iOS"],
    [/Windows/, "Windows"],
    [/Mac OS X/, "macOS"],
    [/CrOS/, "ChromeOS"],
    [/Linux/, "Linux"],
  ]);
  return [browser, system].filter((part) => part !== "").join(" on ") || "Browser";
}

function first(text: string, names: readonly (readonly [RegExp, string])[]): string {
  return names.find(([pattern]) => pattern.test(text))?.[1] ?? "";
}
