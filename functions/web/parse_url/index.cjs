// Takes a web address apart.
"use strict";

exports.handler = async (event) => {
  let url;
  try {
    url = new URL(event.web_address);
  } catch {
    throw new RangeError(`${JSON.stringify(event.web_address)} is no absolute web address`);
  }
  if (url.host === "") throw new RangeError(`${url.protocol} addresses name no host`);
  return {
    host_name: url.hostname,
    path: url.pathname,
    // The last one counts where a name is repeated, as in an object.
    query_parameters: Object.fromEntries(url.searchParams),
    is_encrypted: url.protocol === "https:",
  };
};
