// Addresses are behind "#", so that they can never clash with the gateway's own paths.
import { createHashRouter } from "react-router";

import { Lost } from "./pages/lost";
import { Shell } from "./shell/shell";

// Pages come when they are first needed; the first view stays small.
export const router = createHashRouter([
  {
    element: <Shell />,
    hydrateFallbackElement: <></>,
    children: [
      { path: "/", lazy: async () => ({ Component: (await import("./pages/describe")).Describe }) },
      {
        path: "/workflows",
        lazy: async () => ({ Component: (await import("./pages/workflows")).Workflows }),
      },
      {
        path: "/workflows/:id",
        lazy: async () => ({ Component: (await import("./pages/workflow")).WorkflowPage }),
      },
      { path: "/runs", lazy: async () => ({ Component: (await import("./pages/runs")).Runs }) },
      { path: "/runs/:id", lazy: async () => ({ Component: (await import("./pages/run")).RunPage }) },
      {
        path: "/functions",
        lazy: async () => ({ Component: (await import("./pages/functions")).Functions }),
      },
      {
        path: "/functions/:name",
        lazy: async () => ({ Component: (await import("./pages/function")).FunctionPage }),
      },
      { path: "*", element: <Lost /> },
    ],
  },
]);
