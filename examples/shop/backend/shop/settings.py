"""Settings, each replaceable by an environment variable of the same name."""

from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    chat_model: str = "gpt-4o"
    azure_openai_endpoint: str = "https://teashop.openai.azure.com"
    azure_openai_api_key: str = ""
    azure_openai_deployment: str = "support-chat"
    describe_model: str = "01-ai/Yi-34B"
    describe_on_gpu: bool = False
    ollama_host: str = "http://ollama:11434"
    gateway_url: str = "http://gateway:4000/v1"
    gateway_key: str = ""


settings = Settings()
