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
  title: "No log has arrived yet",
  how: (gateway) => `Send one to the gateway, at ${gateway}. It appears here by itself.`,
  shell: "From a shell, with grpcurl",
  python: "From Python, with the handler in clients/python",
  node: "From Node, with the winston transport in clients/node",
  copy: "Copy",
  copied: "Copied",
  notCopied: "The browser did not let it be copied",
  waiting: "Waiting for the first record",
};

const ko: FirstLogTexts = {
  title: "아직 도착한 로그가 없습니다",
  how: (gateway) => `게이트웨이 ${gateway}(으)로 로그를 보내 보세요. 여기에 저절로 나타납니다.`,
  shell: "셸에서, grpcurl로",
  python: "Python에서, clients/python의 핸들러로",
  node: "Node에서, clients/node의 winston 전송으로",
  copy: "복사",
  copied: "복사했습니다",
  notCopied: "브라우저가 복사를 허용하지 않았습니다",
  waiting: "첫 레코드를 기다리는 중",
};

export const firstLogTexts: Translated<FirstLogTexts> = { en, ko };
