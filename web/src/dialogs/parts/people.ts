import type { User } from "@pingme/sdk";
import { useEffect, useState } from "preact/hooks";
import { client } from "../../state/client";
import { explain } from "../../state/errors";
import { navigate } from "../../state/route";
import { me } from "../../state/store";

const PAUSE_MS = 150; // between the last key and the question: shorter asks at every key, longer is felt

/** What is known of a search. `people` are of the last answer until the next one is there. */
export interface Search {
  readonly people: readonly User[];
  /** The query that `people` answers; another one is on its way while it differs from what was typed. */
  readonly answered: string;
  readonly error: string | undefined;
}

const NOTHING: Search = { people: [], answered: "", error: undefined };

/** Asks the server for people while somebody types; without oneself. */
export function usePeople(query: string): Search {
  const [found, setFound] = useState<Search>(NOTHING);
  useEffect(() => {
    if (query === "") {
      setFound(NOTHING);
      return undefined;
    }
    let stale = false;
    const tell = (next: Search): void => {
      if (!stale) setFound(next);
    };
    const timer = setTimeout(() => {
      client()
        .searchUsers(query)
        .then(
          (people) => tell({ people: people.filter(notMe), answered: query, error: undefined }),
          (error: unknown) => tell({ people: [], answered: query, error: explain(error) }),
        );
    }, PAUSE_MS);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [query]);
  return found;
}

/** People of one's newest private chats. */
export function recentPeople(limit: number): readonly User[] {
  return client()
    .conversations()
    .flatMap(({ info }) => (info.type === "private" && info.peer_id ? [client().user(info.peer_id)] : []))
    .filter((user) => user !== undefined)
    .filter(notMe)
    .slice(0, limit);
}

/** Goes to the chat with somebody, whether it has a message yet or not. */
export async function openChatWith(userId: string): Promise<void> {
  const id = await client().conversationWith(userId);
  navigate(client().conversation(id) ? { view: "conversation", id } : { view: "user", userId });
}

function notMe({ user_id }: User): boolean {
  return user_id !== me()?.user_id;
}
