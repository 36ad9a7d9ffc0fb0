import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { startOfDay, t } from "../i18n";
import { client } from "../state/client";
import { navigate } from "../state/route";
import { Button, Dialog, type DialogProps, Field } from "../ui";
import { useAction } from "./parts/action";

const DAY_MS = 86_400_000;

/** Goes to the first message of a day, or the one after it. */
export function JumpToDate({ args, onClose }: DialogProps<"jumpToDate">): JSX.Element {
  const { conversation_id } = args;
  const [date, setDate] = useState("");
  const { busy, error, run, complain } = useAction();
  const jump = async (ts: number): Promise<void> => {
    const done = await run(async () => {
      const found = await client().seqAt(conversation_id, ts);
      // After the newest message there is none to go to: the newest is the nearest.
      const last = client().conversation(conversation_id)?.last_seq ?? found;
      const seq = Math.max(1, Math.min(found, last));
      // The way back leads out of the conversation, not from place to place in it.
      navigate({ view: "conversation", id: conversation_id, seq }, { replace: true });
    });
    if (done) onClose();
  };
  const submit = (): void => {
    const ts = timeOf(date);
    if (ts === undefined) complain(t("date.missing"));
    else void jump(ts);
  };
  const today = startOfDay(Date.now());
  const places = [
    { label: t("date.yesterday"), ts: today - DAY_MS },
    { label: t("date.week"), ts: today - 7 * DAY_MS },
    { label: t("date.month"), ts: today - 30 * DAY_MS },
    { label: t("date.first"), ts: 0 },
  ];
  return (
    <Dialog
      title={t("date.title")}
      size="s"
      onClose={onClose}
      onSubmit={submit}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" busy={busy}>
            {t("date.jump")}
          </Button>
        </>
      }
    >
      <div class="stack">
        <Field
          label={t("date.label")}
          type="date"
          value={date}
          max={isoDate(today)}
          error={error}
          autofocus
          onInput={(event) => {
            setDate(event.currentTarget.value);
            complain(undefined);
          }}
        />
        <div class="places">
          {places.map(({ label, ts }) => (
            <Button key={label} onClick={() => void jump(ts)}>
              {label}
            </Button>
          ))}
        </div>
      </div>
    </Dialog>
  );
}

/** Midnight here of a date as the browser's field gives it ("2026-03-20"); undefined when it is none. */
export function timeOf(date: string): number | undefined {
  const parts = /^(\d{4,6})-(\d\d)-(\d\d)$/.exec(date);
  if (!parts) return undefined;
  const [year, month, day] = parts.slice(1).map(Number) as [number, number, number];
  return new Date(year, month - 1, day).getTime();
}

/** The date here of a time, as the browser's field takes it. */
export function isoDate(ts: number): string {
  const at = new Date(ts);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}
