import type { Timeline } from "@pingme/sdk";

/** The timeline of a chat that does not exist yet: it has no entries, and both ends. What waits is drawn after them. */
export function noTimeline(conversation_id: string): Timeline {
  return {
    conversation_id,
    items: [],
    atStart: true,
    atEnd: true,
    counts: new Map(),
    loadOlder: async () => false,
    loadNewer: async () => false,
    toEnd: async () => undefined,
    around: async () => undefined,
    trim: () => undefined,
    onChange: () => () => undefined,
    close: () => undefined,
  };
}
