import type { User } from "@pingme/sdk";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { client } from "../state/client";
import { Avatar, Button, Dialog, type DialogProps, Field, toast } from "../ui";
import { useAction } from "./parts/action";
import { useLoaded } from "./parts/loaded";
import { CopyLine, ErrorNote, Waiting } from "./parts/notes";

const MAX_NICKNAME = 64; // characters; these are the server's bounds (docs/protocol.md)
const MAX_EMAIL = 254;
const MAX_AVATAR = 512;

/** One's own account, as others see it and as only oneself does. */
export function Profile({ onClose }: DialogProps<"profile">): JSX.Element {
  const { value, error, reload } = useLoaded(() => client().profile(), []);
  if (value) return <Form user={value} onClose={onClose} />;
  return (
    <Dialog title={t("profile.title")} onClose={onClose}>
      {error === undefined ? <Waiting /> : <ErrorNote text={error} retry={() => void reload()} />}
    </Dialog>
  );
}

function Form({ user, onClose }: { user: User; onClose: () => void }): JSX.Element {
  // The server answers with the username where there is no nickname.
  const [nickname, setNickname] = useState(user.nickname === user.username ? "" : user.nickname);
  const [email, setEmail] = useState(user.email ?? "");
  const [avatar, setAvatar] = useState(user.avatar);
  const { busy, error, run } = useAction();
  const wrong = /^(?:https?:\/\/|\/|$)/.test(avatar.trim()) ? undefined : t("profile.avatar_bad");
  const save = async (): Promise<void> => {
    if (wrong !== undefined) return;
    const values = { nickname: nickname.trim(), email: email.trim(), avatar: avatar.trim() };
    if (!(await run(() => client().updateProfile(values)))) return;
    toast(t("common.saved"), { kind: "good" });
    onClose();
  };
  return (
    <Dialog
      title={t("profile.title")}
      onClose={onClose}
      onSubmit={() => void save()}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" busy={busy}>
            {t("common.save")}
          </Button>
        </>
      }
    >
      <div class="stack">
        <div class="portrait">
          <Avatar id={user.user_id} name={nickname.trim() || user.username} size="xl" />
        </div>
        <CopyLine label={t("profile.username")} value={user.username} hint={t("profile.username_hint")} />
        <Field
          label={t("profile.nickname")}
          hint={t("profile.nickname_hint")}
          optional
          value={nickname}
          maxLength={MAX_NICKNAME}
          placeholder={user.username}
          autocomplete="nickname"
          onInput={(event) => setNickname(event.currentTarget.value)}
        />
        <Field
          label={t("profile.email")}
          hint={t("profile.email_hint")}
          optional
          type="email"
          value={email}
          maxLength={MAX_EMAIL}
          autocomplete="email"
          onInput={(event) => setEmail(event.currentTarget.value)}
        />
        <Field
          label={t("profile.avatar")}
          hint={t("profile.avatar_hint")}
          optional
          type="url"
          value={avatar}
          maxLength={MAX_AVATAR}
          error={wrong}
          onInput={(event) => setAvatar(event.currentTarget.value)}
        />
        <ErrorNote text={error} />
      </div>
    </Dialog>
  );
}
