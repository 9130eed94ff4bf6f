"""The web service."""

import tempfile

from fastapi import FastAPI, UploadFile
from pydantic import BaseModel

from shop import chat, describe, dictate, index, insights, pictures, reviews, translate
from shop.catalogue import TEAS

app = FastAPI(title="Tea shop")


class Question(BaseModel):
    text: str


class Tea(BaseModel):
    name: str
    notes: str = ""
    reviews: list[str] = []


@app.get("/teas")
def teas() -> dict[str, str]:
    return TEAS


@app.get("/teas/search")
def search(wish: str) -> list[str]:
    return index.look(wish)


@app.post("/chat")
def ask(question: Question) -> dict[str, str]:
    return {"answer": chat.answer(question.text)}


@app.post("/teas/text")
def text(tea: Tea, language: str = "English") -> dict[str, str]:
    written = describe.describe(tea.name, tea.notes)
    return {"text": written if language == "English" else translate.translate(written, language)}


@app.post("/teas/reviews")
def summed_up(tea: Tea) -> dict[str, str]:
    return {"summary": reviews.summary(tea.reviews)}


@app.post("/teas/label")
def label(tea: Tea) -> dict[str, str]:
    return {"picture": pictures.label(tea.name)}


@app.post("/orders/spoken")
async def spoken(order: UploadFile) -> dict[str, str]:
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        file.write(await order.read())
        file.flush()
        return {"order": dictate.take_down(file.name)}


@app.post("/report")
def report(numbers: Question) -> dict[str, str]:
    return {"report": insights.report(numbers.text)}
