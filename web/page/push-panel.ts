import type { ChannelName } from "../../protocol/channel-name.ts";
import { offerChannels } from "./channel-list.ts";
import { curlLine } from "./curl.ts";
import { find, make } from "./element.ts";
import type { PageSettings } from "./settings.ts";

/** How long the button shows "Copied". */
const copiedMs = 2000;

/** The shell command that sends a message to this page, ready to be copied. */
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
    // A long line wraps somewhere: after a slash it stays readable. <wbr> does not change what is copied.
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
      // Pages served over plain HTTP from another host have no clipboard, so the text is selected for copying by hand.
      getSelection()?.selectAllChildren(this.#text);
      return false;
    }
  }
}
