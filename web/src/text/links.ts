const SCHEMES: readonly string[] = ["http:", "https:", "mailto:"];
const LOOKS_LIKE_HOST = /(?:^|[\s/@(])((?:[\p{L}\p{N}-]+\.)+\p{L}{2,})/iu;

/**
 * The address of a link in a message, as the browser will read it, or undefined when it must not be one.
 *
 * Only http, https and mailto with a host or an address; the URL parser decides, as in the browser (WHATWG URL), so
 * that "java\tscript:" and the like mean here what they mean there. Relative addresses are refused: a message can't
 * point into this page. User information ("https://bank.example@evil.example/") is refused, too: it only deceives.
 */
export function safeHref(address: string): string | undefined {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return undefined;
  }
  if (!SCHEMES.includes(url.protocol) || url.username !== "" || url.password !== "") return undefined;
  if (url.protocol === "mailto:") return url.pathname.includes("@") ? url.href : undefined;
  return url.hostname === "" ? undefined : url.href;
}

/** Where a link goes, in the form that can't be mistaken (an international name in its ASCII form). */
export function hostOf(href: string): string {
  const url = new URL(href);
  return url.protocol === "mailto:" ? url.pathname : url.host;
}

/**
 * The host to be shown beside a link, when its text looks like an address of another host; otherwise undefined.
 *
 * "https://bank.example" over a link to evil.example is the oldest trick. Text without anything like a host ("here")
 * promises nothing; the browser shows the address of such a link.
 */
export function hiddenHost(href: string, text: string): string | undefined {
  const promised = LOOKS_LIKE_HOST.exec(text)?.[1];
  if (promised === undefined) return undefined;
  const host = hostOf(href);
  const claimed = safeHref(`https://${promised}/`);
  const same =
    claimed !== undefined && bare(hostOf(claimed)) === bare(host.replace(/^.*@/, "").replace(/:\d+$/, ""));
  return same ? undefined : host;
}

function bare(host: string): string {
  return host.toLowerCase().replace(/^www\./, "");
}
