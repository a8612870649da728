/** Texts of the page before the first log. */
import type { Translated } from "./language";

interface FirstLogTexts {
  readonly title: string;
  readonly how: (gateway: string) => string;
  readonly shell: string;
  readonly python: string;
  readonly node: string;
  readonly copy: string;
  readonly copied: string;
  readonly notCopied: string;
  readonly waiting: string;
}

const en: FirstLogTexts = {
  title: "No logs yet",
  how: (gateway) => `Send a log to the gateway at ${gateway}. It will appear here automatically.`,
  shell: "From a shell with grpcurl",
  python: "From Python with the handler in clients/python",
  node: "From Node.js with the winston transport in clients/node",
  copy: "Copy",
  copied: "Copied",
  notCopied: "Could not copy",
  waiting: "Waiting for the first log…",
};

const ko: FirstLogTexts = {
  title: "아직 로그가 없습니다",
  how: (gateway) => `로그를 게이트웨이(${gateway})로 보내 보세요. 도착하면 여기에 자동으로 표시됩니다.`,
  shell: "셸에서 grpcurl로 보내기",
  python: "Python에서 clients/python의 핸들러로 보내기",
  node: "Node.js에서 clients/node의 winston 트랜스포트로 보내기",
  copy: "복사",
  copied: "복사했습니다",
  notCopied: "복사하지 못했습니다",
  waiting: "첫 로그를 기다리는 중…",
};

export const firstLogTexts: Translated<FirstLogTexts> = { en, ko };
