/** @jsxImportSource preact */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { problemText } from "./dashboard.ts";

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly placeholder?: string;
  readonly isRequired?: boolean;
}

/** A text field with its label. */
export function Field({ label, value, onInput, placeholder = "", isRequired = false }: FieldProps) {
  return (
    <label>
      {label}
      <input
        value={value}
        placeholder={placeholder}
        required={isRequired}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </label>
  );
}

interface FormProps {
  readonly label: string;
  readonly onSubmit: () => void;
  readonly children: ComponentChildren;
}

/** A row of fields and buttons. */
export function Form({ label, onSubmit, children }: FormProps) {
  return (
    <form
      class="line"
      aria-label={label}
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {children}
    </form>
  );
}

/** Runs requests and keeps the problem of the last one; empty if it succeeded. */
export function useRequest(): { readonly problem: string; run(request: () => Promise<void>): Promise<void> } {
  const [problem, setProblem] = useState("");
  const run = (request: () => Promise<void>) =>
    request().then(
      () => setProblem(""),
      (error: unknown) => setProblem(problemText(error)),
    );
  return { problem, run };
}
