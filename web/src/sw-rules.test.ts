import { describe, expect, it } from "vitest";
import { decideSource, outdated } from "./sw-rules";

const ORIGIN = "https://chat.example";
const SHELL = new Set(["/", "/assets/main-1a2b.js", "/manifest.webmanifest"]);

function sourceOf(path: string, { method = "GET", mode = "cors", origin = ORIGIN } = {}): string {
  const source = decideSource({ method, url: origin + path, mode }, ORIGIN, SHELL);
  return source.from === "shell" ? source.path : source.from;
}

describe("the service worker", () => {
  it("answers the page from the shell, whatever stands behind its path", () => {
    expect(sourceOf("/", { mode: "navigate" })).toBe("/");
    expect(sourceOf("/?from=icon", { mode: "navigate" })).toBe("/");
    expect(sourceOf("/index.html", { mode: "navigate" })).toBe("/");
  });

  it("answers files of this build from the shell", () => {
    expect(sourceOf("/assets/main-1a2b.js")).toBe("/assets/main-1a2b.js");
  });

  it.each(["/api/v1/users?ids=u1", "/health", "/docs", "/asyncapi.json", "/assets/other.js"])(
    "leaves %s to the network",
    (path) => {
      expect(sourceOf(path)).toBe("network");
      expect(sourceOf(path, { mode: "navigate" })).toBe("network");
    },
  );

  it("leaves other methods and other servers alone", () => {
    expect(sourceOf("/", { method: "POST", mode: "navigate" })).toBe("network");
    expect(sourceOf("/", { mode: "navigate", origin: "https://other.example" })).toBe("network");
  });

  it("drops the shells of other versions and nothing else", () => {
    expect(outdated(["pingme-shell-a", "pingme-shell-b", "other"], "pingme-shell-b")).toEqual([
      "pingme-shell-a",
    ]);
  });
});
