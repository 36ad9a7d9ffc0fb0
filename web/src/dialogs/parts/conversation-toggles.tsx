import type { Conversation } from "@pingme/sdk";
import type { JSX } from "preact";
import { t } from "../../i18n";
import { client } from "../../state/client";
import { explain } from "../../state/errors";
import { Toggle } from "../../ui";

/** Mute and pin: shown at once, told to the server when that is possible. */
export function ConversationToggles({
  conversation,
  onError,
}: {
  conversation: Conversation;
  onError: (text: string) => void;
}): JSX.Element {
  const { id, info } = conversation;
  const set = (values: { muted?: boolean; pinned?: boolean }): void => {
    client()
      .settings(id, values)
      .catch((error: unknown) => onError(explain(error)));
  };
  return (
    <div>
      <Toggle
        label={t("private.mute")}
        hint={t("private.mute_hint")}
        checked={info.muted ?? false}
        onChange={(muted) => set({ muted })}
      />
      <Toggle
        label={t("private.pin")}
        hint={t("private.pin_hint")}
        checked={info.pinned ?? false}
        onChange={(pinned) => set({ pinned })}
      />
    </div>
  );
}
