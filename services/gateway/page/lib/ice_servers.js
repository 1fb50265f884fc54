// @ts-check
/** The TURN servers that an answer of WHIP or WHEP names (RFC 9725, section 4.6). */

const LINK = /<([^>]*)>((?:\s*;\s*[\w-]+=(?:"[^"]*"|[^\s;,"]+))*)/g;
const PARAMETER = /;\s*([\w-]+)=(?:"([^"]*)"|([^\s;,"]+))/g;

/**
 * @param {string | null} header `Link`, of several with commas between them
 * @returns {RTCIceServer[]}
 */
export function iceServersIn(header) {
  return [...(header ?? "").matchAll(LINK)].flatMap(([, urls = "", rest = ""]) => {
    const said = new Map([...rest.matchAll(PARAMETER)].map(([, name = "", quoted, plain]) => [name, quoted ?? plain ?? ""]));
    if (said.get("rel") !== "ice-server") return [];
    return [{ urls, username: said.get("username") ?? "", credential: said.get("credential") ?? "" }];
  });
}
