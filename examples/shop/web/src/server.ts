// Serve the recommendations; the teas come from the back end.
import { createServer } from "node:http";
import { recommend } from "./recommend.js";

const backend = process.env.BACKEND_URL ?? "http://localhost:8000";

createServer(async (request, response) => {
  const wish = new URL(request.url ?? "/", "http://shop").searchParams.get("wish");
  if (!wish) {
    response.writeHead(400).end("say what you wish: /?wish=...");
    return;
  }
  try {
    const teas = (await (await fetch(`${backend}/teas`)).json()) as Record<string, string>;
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(await recommend(wish, teas)));
  } catch (error) {
    console.error(error);
    response.writeHead(502).end("no recommendation today");
  }
}).listen(3000);
