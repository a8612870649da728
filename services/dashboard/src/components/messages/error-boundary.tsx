/** Instead of a blank page, when the page itself fails: what happened, and a way on. */
import { Component, type ReactNode } from "react";

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
    // In both languages: whatever failed may be what chooses between them.
    return (
      <div className="banner" data-kind="error" role="alert">
        <p>
          <strong>This page has failed; the logs are not affected.</strong> 이 페이지에 오류가 발생했습니다. 로그에는
          영향이 없습니다.
        </p>
        <p>{error.message}</p>
        <button type="button" onClick={() => window.location.reload()}>
          Reload · 새로고침
        </button>
      </div>
    );
  }
}
