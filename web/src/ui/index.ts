/** The parts that every view is made of. */
export { Avatar } from "./avatar";
export { Badge } from "./badge";
export { Button, IconButton } from "./button";
export { copy } from "./copy";
export { Dialog } from "./dialog";
export { closeDialog, type DialogLoaders, type DialogProps, openDialog, registerDialogs } from "./dialogs";
export { EmptyState } from "./empty";
export { Field, Select, TextArea, Toggle } from "./field";
export { Icon, type IconName } from "./icons";
export { closeMenu, type MenuItem, openMenu } from "./menu";
export { type Anchor, isNarrow, Popover } from "./popover";
export { Spinner } from "./spinner";
export { toast } from "./toast";
