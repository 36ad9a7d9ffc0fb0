import type { Device } from "@pingme/sdk";
import type { JSX } from "preact";
import { formatAgo, formatFull, t } from "../i18n";
import { client } from "../state/client";
import { Badge, Dialog, type DialogProps, Icon, IconButton, openDialog } from "../ui";
import { useAction } from "./parts/action";
import { useLoaded } from "./parts/loaded";
import { ErrorNote, Waiting } from "./parts/notes";

/** Where one is logged in, and a way to end each of it. */
export function Devices({ onClose }: DialogProps<"devices">): JSX.Element {
  const { value, error, reload } = useLoaded(() => client().devices(), []);
  const action = useAction();
  // This device first; the others stay as the server has them, the newest login first.
  const devices = [...(value ?? [])].sort((a, b) => Number(b.current) - Number(a.current));
  const remove = async (id: string): Promise<void> => {
    if (await action.run(() => client().removeDevice(id))) await reload();
  };
  return (
    <Dialog title={t("devices.title")} onClose={onClose}>
      <div class="stack">
        <p class="soft">{t("devices.hint")}</p>
        <ErrorNote text={action.error ?? error} retry={() => void reload()} />
        {!value && error === undefined && <Waiting />}
        <ul class="devices">
          {devices.map((device) => (
            <Line key={device.device_id} device={device} onRemove={(id) => void remove(id)} />
          ))}
        </ul>
        {devices.length === 1 && <p class="soft small">{t("devices.only")}</p>}
      </div>
    </Dialog>
  );
}

function Line({ device, onRemove }: { device: Device; onRemove: (id: string) => void }): JSX.Element {
  const name = device.name || t("devices.unnamed");
  const ask = (): void =>
    openDialog("confirm", {
      title: t("devices.remove_title", { name }),
      text: t("devices.remove_text"),
      action: t("auth.logout"),
      danger: true,
      onConfirm: () => onRemove(device.device_id),
    });
  return (
    <li class="device">
      <span class="device-icon">
        <Icon name="device" />
      </span>
      <span class="grow">
        <span class="device-name">
          <bdi>{name}</bdi> {device.current && <Badge>{t("devices.this")}</Badge>}
        </span>
        <span class="small soft">
          {!device.current && `${t("devices.active", { when: formatAgo(device.refreshed_ts) })} · `}
          {t("devices.logged_in", { when: formatFull(device.created_ts) })}
        </span>
      </span>
      {!device.current && <IconButton icon="logout" label={t("devices.remove", { name })} onClick={ask} />}
    </li>
  );
}
