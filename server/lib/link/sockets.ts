import type { SocketHandler } from "bun";
import { Link, type LinkEvents, type LinkSettings } from "./link.ts";
import { checkSocketPath } from "./socket-path.ts";

/** Makes the callbacks of one link. Called once per link, before anything is received. */
export type MakeLinkEvents = (link: Link) => LinkEvents;

/** A socket that accepts links. */
export interface LinkListener {
  /** Accepts no more links; open ones stay. Idempotent. */
  close(): void;
}

/** @throws Error if it cannot listen on the path. Its directory must exist, and the file must not. */
export function listenForLinks(path: string, settings: LinkSettings, events: MakeLinkEvents): LinkListener {
  checkSocketPath(path);
  const listener = Bun.listen<Link>({ unix: path, socket: handlers(settings, events) });
  return { close: () => listener.stop(false) };
}

/**
 * Connects to the listener at this path. The link is open once its `onOpen` was called.
 * @throws Error if nobody is listening.
 */
export async function connectLink(path: string, settings: LinkSettings, events: MakeLinkEvents): Promise<Link> {
  checkSocketPath(path);
  const socket = await Bun.connect<Link>({ unix: path, socket: handlers(settings, events) });
  return socket.data;
}

/** Makes a link for each socket that opens. */
function handlers(settings: LinkSettings, events: MakeLinkEvents): SocketHandler<Link> {
  return {
    open(socket) {
      socket.data = new Link(socket, settings, events);
    },
    data: (socket, bytes) => socket.data.handleBytes(bytes),
    drain: (socket) => socket.data.handleDrain(),
    close: (socket, error) => socket.data.handleClose(error),
    error: (socket, error) => socket.data.handleClose(error),
    // The connect promise is rejected too; without this handler Bun would report an unhandled error.
    connectError: () => {},
  };
}
