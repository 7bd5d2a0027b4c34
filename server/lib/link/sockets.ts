import type { SocketHandler } from "bun";
import { Link, type LinkEvents, type LinkSettings } from "./link.ts";
import { checkSocketPath } from "./socket-path.ts";

/** What is told of one link; called once for each, before anything comes through it. */
export type MakeLinkEvents = (link: Link) => LinkEvents;

/** A socket on which links are accepted. */
export interface LinkListener {
  /** No more links; those that are open stay. Idempotent. */
  close(): void;
}

/** @throws Error when the path cannot be listened on; its directory must exist, and no file of its name. */
export function listenForLinks(path: string, settings: LinkSettings, events: MakeLinkEvents): LinkListener {
  checkSocketPath(path);
  const listener = Bun.listen<Link>({ unix: path, socket: handlers(settings, events) });
  return { close: () => listener.stop(false) };
}

/**
 * Reaches for whoever listens there. The link is open when its `onOpen` was called.
 * @throws Error when nobody listens.
 */
export async function connectLink(path: string, settings: LinkSettings, events: MakeLinkEvents): Promise<Link> {
  checkSocketPath(path);
  const socket = await Bun.connect<Link>({ unix: path, socket: handlers(settings, events) });
  return socket.data;
}

/** Each socket that opens becomes a link. */
function handlers(settings: LinkSettings, events: MakeLinkEvents): SocketHandler<Link> {
  return {
    open(socket) {
      socket.data = new Link(socket, settings, events);
    },
    data: (socket, bytes) => socket.data.takeBytes(bytes),
    drain: (socket) => socket.data.takeDrain(),
    close: (socket, error) => socket.data.takeClose(error),
    error: (socket, error) => socket.data.takeClose(error),
    // Whoever connects hears of it by the rejection; without this Bun would call it unhandled.
    connectError: () => {},
  };
}
