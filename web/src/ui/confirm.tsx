import type { JSX } from "preact";
import { t } from "../i18n";
import { Button } from "./button";
import { Dialog } from "./dialog";
import type { DialogProps } from "./dialogs";

/** Asks before something that cannot be undone. */
export function Confirm({ args, onClose }: DialogProps<"confirm">): JSX.Element {
  return (
    <Dialog
      title={args.title}
      size="s"
      onClose={onClose}
      onSubmit={() => {
        onClose();
        args.onConfirm();
      }}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind={args.danger ? "danger" : "primary"} type="submit" autofocus>
            {args.action}
          </Button>
        </>
      }
    >
      {args.text !== undefined && <p>{args.text}</p>}
    </Dialog>
  );
}
