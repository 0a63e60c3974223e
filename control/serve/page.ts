import html from "./page/page.html" with { type: "text" };
import style from "./page/page.css" with { type: "text" };
import script from "./page/page.js" with { type: "text" };
import { answerText } from "./answer.ts";

/** What the page may load and ask: this server alone, and nothing that stands in the page itself. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; img-src data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The parts of the page, by their paths. */
export const PAGE: Readonly<Record<string, () => Response>> = {
  "/": () => {
    const response = answerText(html, "text/html; charset=utf-8");
    response.headers.set("content-security-policy", POLICY);
    response.headers.set("referrer-policy", "no-referrer");
    return response;
  },
  "/page.css": () => answerText(style, "text/css; charset=utf-8"),
  "/page.js": () => answerText(script, "text/javascript; charset=utf-8"),
};
