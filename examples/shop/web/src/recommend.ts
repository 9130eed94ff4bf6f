// Recommend a tea that is in stock.
import { anthropic } from "@ai-sdk/anthropic";
import { generateObject } from "ai";
import { z } from "zod";

const MODEL = process.env.RECOMMEND_MODEL ?? "claude-3-5-sonnet-20240620";

const choice = z.object({ tea: z.string(), because: z.string() });

export async function recommend(wish: string, teas: Record<string, string>) {
  const { object } = await generateObject({
    model: anthropic(MODEL),
    schema: choice,
    prompt: `The customer says: ${wish}\nChoose one of these teas and say why:\n${JSON.stringify(teas)}`,
  });
  return object;
}
