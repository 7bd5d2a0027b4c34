import { makeClient } from "../../client/client.ts";
import type { ConnectionState, Gap, Message, SystemFrame } from "../../client/index.ts";
import { type ChannelName, everyone, parseUserId, userChannel } from "../../protocol/channel-name.ts";
import { closeTable } from "../../protocol/close-codes.ts";
import { addressWith } from "./address.ts";
import { Announcer } from "./announcer.ts";
import { ChannelList } from "./channel-list.ts";
import { Composer, type Written } from "./composer.ts";
import { ConnectionSwitch } from "./connection-switch.ts";
import type { DataText } from "./data-text.ts";
import { DrainNotice } from "./drain-notice.ts";
import { find } from "./element.ts";
import { makePageEnvironment } from "./environment.ts";
import { FrameList } from "./frame-list.ts";
import { identify } from "./identity.ts";
import { gapText, type Line, lineOf, lossText, spoken } from "./line.ts";
import { Memberships } from "./memberships.ts";
import { MessageList } from "./message-list.ts";
import { PushPanel } from "./push-panel.ts";
import { parsePageQuery, parsePageSettings } from "./settings.ts";
import { StateView } from "./state-view.ts";
import { tabMemory } from "./tab-memory.ts";
import { offerTokenField } from "./token-field.ts";

/** How often presence is requested, because the server does not push it. */
const presenceMs = 5000;

/** Connects the parts of the page to the SDK. Decides what is shown; the parts decide how. */
class TryPage {
  readonly #settings = parsePageSettings(find("server", HTMLMetaElement).content, new URL(location.href));
  readonly #query = parsePageQuery(new URLSearchParams(location.search));
  readonly #token = this.#settings.isSecured ? tabMemory.read("token") : undefined;
  readonly #me = identify(
    this.#settings,
    this.#query,
    { user: tabMemory.read("user"), name: tabMemory.read("name"), token: this.#token },
    Math.random(),
  );
  readonly #frames = new FrameList();
  readonly #client = makeClient(
    this.#settings.wsUrl,
    {
      stay: true,
      ...(this.#token === undefined ? {} : { token: this.#token }),
      ...(this.#me.userId === undefined ? {} : { userId: this.#me.userId }),
    },
    makePageEnvironment(this.#frames.add),
  );
  readonly #memberships = new Memberships(this.#client, {
    onMessage: (message) => this.#showMessage(message),
    onGap: (channel, gap) => this.#handleGap(channel, gap),
    onRefused: (channel, { message }) => {
      this.#showLeft(channel);
      this.#channels.showError(`${channel} was refused: ${message}`);
    },
    onPresence: (channel, here) => this.#channels.setPresentUsers(channel, here),
  });
  readonly #channels = new ChannelList({
    onJoin: (channel) => {
      this.#join(channel);
      this.#composer.choose(channel);
    },
    onLeave: (channel) => {
      this.#memberships.leave(channel);
      this.#showLeft(channel);
    },
  });
  readonly #composer = new Composer({
    send: (written) => this.#send(written),
    onRenamed: (name) => tabMemory.write("name", name),
  });
  readonly #pushPanel = new PushPanel(this.#settings);
  readonly #list = new MessageList();
  readonly #stateView = new StateView();
  readonly #switch = new ConnectionSwitch(this.#client);
  readonly #drainNotice = new DrainNotice();
  readonly #online = find("online", HTMLElement);
  readonly #announcer = new Announcer({
    say: (sentence) => {
      find("announcer", HTMLElement).textContent = sentence;
    },
    wait: setTimeout,
  });
  #wasConnected = false;
  /** Reported together: a server that restarted without its history causes a gap in every channel. */
  #gaps: { readonly channel: ChannelName; readonly gap: Gap }[] = [];

  start(): void {
    const { userId, name } = this.#me;
    tabMemory.write("user", userId);
    this.#composer.name = name;
    if (this.#settings.isSecured) offerTokenField(this.#token !== undefined);
    find("dashboard-link", HTMLAnchorElement).hidden = !this.#settings.dashboard;
    this.#client.on("state", (state) => this.#showState(state));
    this.#client.on("system", (frame) => this.#handleSystem(frame));
    this.#client.on("error", ({ message }) => this.#showNotice("warning", message));
    for (const channel of [everyone, ...this.#ownChannel(userId), ...this.#query.channels]) this.#join(channel);
    this.#client.connect();
    this.#showState(this.#client.state);
    setInterval(() => {
      if (!document.hidden) this.#memberships.refresh();
    }, presenceMs);
  }

  #join(channel: ChannelName): void {
    if (!this.#memberships.join(channel)) return;
    this.#channels.add(channel);
    this.#showChannels();
    // After the SDK has sent the subscription, which it does in a later turn, so that this page is counted.
    setTimeout(() => this.#memberships.refresh());
  }

  #showLeft(channel: ChannelName): void {
    this.#channels.remove(channel);
    this.#showChannels();
  }

  #showChannels(): void {
    const { channels } = this.#memberships;
    this.#pushPanel.offer(channels);
    this.#composer.offer(channels.filter((it) => !it.startsWith("@")));
    history.replaceState(null, "", addressWith(new URL(location.href), channels));
  }

  #send({ channel, data, ...labels }: Written): Promise<unknown> {
    return this.#client.channel(channel).publish(data, labels);
  }

  #showMessage(message: Message<DataText | undefined>): void {
    const line = lineOf(message, this.#composer.name);
    console.log("%s", spoken(line), { ...message, data: message.data?.json });
    this.#show(line);
  }

  #showNotice(kind: "notice" | "warning", text: string): void {
    console.log("%s", text);
    this.#show({ kind, atMs: Date.now(), text });
  }

  #show(line: Line): void {
    this.#list.add(line);
    // Joined and left notices are not announced; the header shows the count.
    if (line.kind !== "notice") this.#announcer.announce(spoken(line));
  }

  #showState(state: ConnectionState): void {
    const isConnected = state.status === "connected";
    // The token of this page does not change: once it has expired, retrying is useless.
    if (state.code === closeTable["token-expired"].code && state.status === "reconnecting") {
      this.#client.close();
      this.#showNotice("warning", "Your token has expired. Enter a new one.");
      return;
    }
    this.#stateView.show(state);
    this.#switch.show(state);
    this.#composer.isConnected = isConnected;
    if (!isConnected) {
      this.#online.hidden = true;
      this.#drainNotice.hide();
      for (const channel of this.#memberships.channels) this.#channels.setPresentUsers(channel, undefined);
    }
    // Once per lost connection: the header shows the retries that follow.
    if (state.status === "closed" || (this.#wasConnected && !isConnected))
      this.#showNotice("warning", this.#lossText(state));
    this.#wasConnected = isConnected;
  }

  #lossText(state: ConnectionState): string {
    const wantsToken = state.code === 4500 && this.#settings.isSecured && this.#token === undefined;
    return wantsToken ? "This server requires a token. Enter one to connect." : lossText(state);
  }

  #handleSystem(frame: SystemFrame): void {
    if (frame.event === "gap") return; // reported by the channel, like the gaps that only the SDK detects
    if (frame.event === "closing" || frame.event === "heartbeat") return; // event streams only; handled by the SDK
    if (frame.event === "token-expiring") {
      this.#showNotice("warning", frame.message);
      return;
    }
    if (frame.event === "draining") {
      this.#drainNotice.show(frame);
    } else {
      this.#online.hidden = frame.online === undefined;
      this.#online.textContent = `${frame.online} online`;
      if (frame.event === "welcome") this.#handleWelcome(frame.user_id);
    }
    this.#showNotice("notice", frame.message ?? "Connected.");
  }

  #handleWelcome(userId: string | undefined): void {
    this.#drainNotice.hide();
    for (const channel of this.#ownChannel(userId)) this.#join(channel);
    if (this.#settings.isSecured) this.#composer.setFixedName(userId ?? "");
    this.#memberships.refresh();
  }

  #ownChannel(userId: string | undefined): readonly ChannelName[] {
    return parseUserId(userId) === undefined || userId === undefined ? [] : [userChannel(userId)];
  }

  #handleGap(channel: ChannelName, gap: Gap): void {
    this.#gaps.push({ channel, gap });
    if (this.#gaps.length === 1) queueMicrotask(() => this.#showGaps());
  }

  #showGaps(): void {
    const groups = Map.groupBy(this.#gaps, ({ gap, channel }) => (gap.reason === "epoch-changed" ? "" : channel));
    this.#gaps = [];
    for (const group of groups.values()) {
      const names = group.map(({ channel }) => channel);
      for (const { gap } of group.slice(-1)) this.#showNotice("warning", gapText(names, gap));
    }
  }
}

new TryPage().start();
