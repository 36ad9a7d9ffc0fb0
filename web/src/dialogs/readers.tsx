import type { Conversation } from "@pingme/sdk";
import type { JSX } from "preact";
import { t } from "../i18n";
import { client, follow } from "../state/client";
import { conversation, user } from "../state/store";
import { Dialog, type DialogProps, Icon, type IconName } from "../ui";
import { useLoaded } from "./parts/loaded";
import { ErrorNote, Waiting } from "./parts/notes";
import { PersonRow, presenceText, useShown } from "./parts/person-row";

const MAX_SHOWN = 200; // people whose presence is asked for: more than fit on any screen

/** Who read a message, who only got it, and who got nothing yet. */
export function Readers({ args, onClose }: DialogProps<"readers">): JSX.Element {
  const { conversation_id, seq } = args;
  const known = conversation(conversation_id);
  follow(`receipts:${conversation_id}`);
  const positions = known?.peer_read_seq ?? 0;
  const loaded = useLoaded(
    () => whoGotIt(conversation_id, seq, known),
    [conversation_id, seq, positions, known?.peer_delivered_seq],
  );
  const groups = loaded.value;
  useShown(groups ? [...groups.read, ...groups.delivered, ...groups.waiting].slice(0, MAX_SHOWN) : []);
  return (
    <Dialog title={t("readers.title")} size="s" reading onClose={onClose}>
      <ErrorNote text={loaded.error} retry={() => void loaded.reload()} />
      {!groups && loaded.error === undefined && <Waiting />}
      {groups && (
        <div class="stack">
          <People title={t("readers.read")} icon="double" ids={groups.read} />
          <People title={t("readers.delivered")} icon="double" ids={groups.delivered} />
          <People title={t("readers.waiting")} icon="sent" ids={groups.waiting} />
          {groups.read.length + groups.delivered.length + groups.waiting.length === 0 && (
            <p class="soft">{t("readers.only_you")}</p>
          )}
        </div>
      )}
    </Dialog>
  );
}

interface Groups {
  readonly read: readonly string[];
  readonly delivered: readonly string[];
  readonly waiting: readonly string[];
}

async function whoGotIt(id: string, seq: number, known: Conversation | undefined): Promise<Groups> {
  const { delivered, read } = await client().receipts(id, seq);
  const everybody = await present(id, known);
  const mine = client().me?.user_id;
  return {
    read,
    delivered: delivered.filter((each) => !read.includes(each)),
    waiting: everybody.filter((each) => each !== mine && !delivered.includes(each)),
  };
}

async function present(id: string, known: Conversation | undefined): Promise<readonly string[]> {
  if (known?.info.type !== "group") return known?.info.peer_id === undefined ? [] : [known.info.peer_id];
  return (await client().members(id)).map(({ user_id }) => user_id);
}

function People({
  title,
  icon,
  ids,
}: {
  title: string;
  icon: IconName;
  ids: readonly string[];
}): JSX.Element | null {
  if (ids.length === 0) return null;
  return (
    <section class="section">
      <h3 class="row readers-head">
        <Icon name={icon} size={18} />
        {title} <span class="soft">{ids.length}</span>
      </h3>
      <ul>
        {ids.map((id) => (
          <li key={id} class="option option-flat">
            <PersonRow person={user(id) ?? { user_id: id }} note={presenceText(id)} />
          </li>
        ))}
      </ul>
    </section>
  );
}
