import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `npm run dev` serves the pages with hot reload against a server that runs already.
const server = process.env.AE_URL ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react()],
  // Relative addresses: the pages work wherever the gateway is mounted.
  base: "./",
  build: { outDir: process.env.AE_WEB_OUT ?? "dist", emptyOutDir: true, assetsInlineLimit: 0 },
  server: {
    proxy: Object.fromEntries(
      ["/v1", "/api", "/openapi.json", "/healthz", "/readyz"].map((path) => [
        path,
        { target: server, changeOrigin: true, headers: { origin: server } },
      ]),
    ),
  },
});
