/* Stands in for a board of ESP-IDF: its UART 0 is standard input and output. */
#include "../line.h"

#include "driver/uart.h"
#include "esp_cpu.h"
#include "sdkconfig.h"

static int installed;

esp_err_t uart_driver_install(uart_port_t uart_num, int rx_buffer_size, int tx_buffer_size,
                              int queue_size, QueueHandle_t *uart_queue, int intr_alloc_flags) {
  const int fifo = UART_HW_FIFO_LEN(uart_num);
  (void)intr_alloc_flags;
  installed = uart_num == UART_NUM_0 && rx_buffer_size > fifo &&
              (tx_buffer_size == 0 || tx_buffer_size > fifo) &&
              (queue_size == 0) == (uart_queue == NULL);
  return installed ? ESP_OK : ESP_FAIL;
}

esp_err_t uart_param_config(uart_port_t uart_num, const uart_config_t *uart_config) {
  const int plain = uart_config->data_bits == UART_DATA_8_BITS &&
                    uart_config->parity == UART_PARITY_DISABLE &&
                    uart_config->stop_bits == UART_STOP_BITS_1 &&
                    uart_config->flow_ctrl == UART_HW_FLOWCTRL_DISABLE;
  return uart_num == UART_NUM_0 && plain && uart_config->baud_rate > 0 ? ESP_OK : ESP_FAIL;
}

int uart_read_bytes(uart_port_t uart_num, void *buf, uint32_t length, uint32_t ticks_to_wait) {
  uint8_t *const bytes = (uint8_t *)buf;
  if (uart_num != UART_NUM_0 || !installed) {
    return -1;
  }
  for (uint32_t place = 0; place < length; place++) {
    const int byte = line_get((int)(ticks_to_wait * 1000 / CONFIG_FREERTOS_HZ));
    if (byte < 0) {
      return (int)place;
    }
    bytes[place] = (uint8_t)byte;
  }
  return (int)length;
}

int uart_write_bytes(uart_port_t uart_num, const void *src, size_t size) {
  const uint8_t *const bytes = (const uint8_t *)src;
  if (uart_num != UART_NUM_0 || !installed) {
    return -1;
  }
  for (size_t place = 0; place < size; place++) {
    line_put(bytes[place]);
  }
  return (int)size;
}

esp_cpu_cycle_count_t esp_cpu_get_cycle_count(void) {
  return (esp_cpu_cycle_count_t)(line_nanoseconds() * CONFIG_ESP_DEFAULT_CPU_FREQ_MHZ / 1000u);
}
