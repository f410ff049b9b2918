// Portkey listens on every interface and has no option for it: loaded before it, this lets it listen on loopback only.
const { Server } = require("node:net");
const listen = Server.prototype.listen;
Server.prototype.listen = function (options, ...rest) {
  const where = typeof options === "object" ? { ...options, host: "127.0.0.1" } : { port: Number(options), host: "127.0.0.1" };
  return listen.call(this, where, ...rest.filter((one) => typeof one === "function"));
};
