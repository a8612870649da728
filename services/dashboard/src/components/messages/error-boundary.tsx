/** Shown instead of a blank page when the page itself fails: the error, and a button to reload. */
import { Component, type ReactNode } from "react";
import { failureTexts } from "../../texts/failure";

interface State {
  readonly error: Error | null;
}

export class ErrorBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: unknown): State {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    const { en, ko } = failureTexts;
    return (
      <div className="banner" data-kind="error" role="alert">
        <p>
          <strong>{en.failed}</strong> {ko.failed}
        </p>
        <p>{error.message}</p>
        <button type="button" onClick={() => window.location.reload()}>
          {en.reload} · {ko.reload}
        </button>
      </div>
    );
  }
}
