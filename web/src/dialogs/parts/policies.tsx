import type { HistoryPolicy, JoinPolicy } from "@pingme/sdk";
import type { JSX } from "preact";
import { t } from "../../i18n";
import { Choices } from "./notes";

interface Props<Policy> {
  readonly value: Policy;
  readonly disabled?: boolean;
  readonly onChange: (value: Policy) => void;
}

/** What members see who join later. */
export function HistoryChoice({ value, disabled = false, onChange }: Props<HistoryPolicy>): JSX.Element {
  return (
    <Choices
      label={t("group.history")}
      {...{ value, disabled, onChange }}
      choices={[
        { value: "from_join", label: t("group.history_from_join"), hint: t("group.history_from_join_hint") },
        { value: "full", label: t("group.history_full"), hint: t("group.history_full_hint") },
      ]}
    />
  );
}

/** Who may become a member. */
export function JoinChoice({ value, disabled = false, onChange }: Props<JoinPolicy>): JSX.Element {
  return (
    <Choices
      label={t("group.join")}
      {...{ value, disabled, onChange }}
      choices={[
        { value: "invite", label: t("group.join_invite"), hint: t("group.join_invite_hint") },
        { value: "open", label: t("group.join_open"), hint: t("group.join_open_hint") },
      ]}
    />
  );
}
