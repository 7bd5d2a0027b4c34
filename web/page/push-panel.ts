import type { ChannelName } from "../../protocol/channel-name.ts";
import { offerChannels } from "./channel-list.ts";
import { curlLine } from "./curl.ts";
import { find, make } from "./element.ts";
import type { PageSettings } from "./settings.ts";

/** How long the button says that it has copied. */
const copiedMs = 2000;

/** The command that makes a message arrive on this page, ready to be copied. */
export class PushPanel {
  readonly #settings: PageSettings;
  readonly #to = find("push-to", HTMLSelectElement);
  readonly #text = find("curl-text", HTMLElement);
  readonly #copy = find("copy", HTMLButtonElement);

  constructor(settings: PageSettings) {
    this.#settings = settings;
    find("push-hint", HTMLElement).hidden = !settings.isSecured;
    this.#to.onchange = () => this.#show();
    this.#copy.onclick = () => void this.#copyText();
  }

  offer(channels: readonly ChannelName[]): void {
    offerChannels(this.#to, channels);
    this.#show();
  }

  #show(): void {
    const line = this.#to.value === "" ? "" : curlLine(this.#settings, this.#to.value);
    // A line of this length breaks somewhere: behind a slash it can still be read, and what is copied is the same.
    this.#text.replaceChildren(...line.split(/(?<=\/)/).flatMap((part) => [part, make("wbr", "")]));
  }

  async #copyText(): Promise<void> {
    this.#copy.textContent = (await this.#toClipboard()) ? "Copied" : "Selected: press Ctrl+C";
    setTimeout(() => {
      this.#copy.textContent = "Copy";
    }, copiedMs);
  }

  async #toClipboard(): Promise<boolean> {
    try {
      await navigator.clipboard.writeText(this.#text.textContent ?? "");
      return true;
    } catch {
      // A page that came over plain http from another machine has no clipboard: the person's own hands have.
      getSelection()?.selectAllChildren(this.#text);
      return false;
    }
  }
}
