terraform {
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 3.110"
    }
  }
}

provider "azurerm" {
  features {}
}

resource "azurerm_resource_group" "shop" {
  name     = "teashop"
  location = "swedencentral"
}

resource "azurerm_cognitive_account" "openai" {
  name                  = "teashop"
  resource_group_name   = azurerm_resource_group.shop.name
  location              = azurerm_resource_group.shop.location
  kind                  = "OpenAI"
  sku_name              = "S0"
  custom_subdomain_name = "teashop"
}

resource "azurerm_cognitive_deployment" "support_chat" {
  name                 = "support-chat"
  cognitive_account_id = azurerm_cognitive_account.openai.id

  model {
    format  = "OpenAI"
    name    = "gpt-4"
    version = "turbo-2024-04-09"
  }

  scale {
    type = "Standard"
  }
}
